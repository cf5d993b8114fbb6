/** A cluster of places as a small ring, one arc for each category. */

import { h, svg } from "./dom";
import type { Scheme } from "./state";
import { CATEGORIES, categoryClass } from "./theme";

const WIDTH = 4;

/** Returns the ring's radius in pixels: it grows with the number of places, slowly. */
const radiusOf = (count: number): number => Math.min(13 + 4 * Math.log10(count), 28);

/** Creates the button of a cluster; `properties` are the counts by category that the map's source sums up. */
export function donut(properties: Record<string, unknown>, scheme: Scheme, open: () => void): HTMLButtonElement {
  const total = Number(properties["point_count"]);
  const radius = radiusOf(total);
  const counts = CATEGORIES[scheme]
    .map((category) => ({ category, count: Number(properties[`${scheme}:${category}`] ?? 0) }))
    .filter(({ count }) => count > 0);
  const size = 2 * (radius + WIDTH);
  const ring = svg("svg", { width: size, height: size, viewBox: `${-size / 2} ${-size / 2} ${size} ${size}` });
  ring.append(svg("circle", { r: radius + WIDTH / 2, class: "donut-plate" }));
  let start = 0;
  for (const { category, count } of counts) {
    const share = (100 * count) / total;
    const arc = {
      r: radius,
      "stroke-width": WIDTH,
      pathLength: 100,
      class: `donut-arc ${categoryClass(scheme, category)}`,
    };
    ring.append(svg("circle", { ...arc, "stroke-dasharray": `${share} ${100 - share}`, "stroke-dashoffset": -start }));
    start += share;
  }
  ring.append(svg("text", { class: "donut-count" }, total.toLocaleString("en")));
  const parts = counts.map(({ category, count }) => `${count} ${category}`).join(", ");
  return h(
    "button",
    { class: "donut", type: "button", "aria-label": `${total} places: ${parts}. Zoom in`, onclick: open },
    ring,
  );
}
