/** "What is this place": the facts of the catalog, in words. */

import { h } from "./dom";
import type { Place, Revisit } from "./place";
import { SOURCE_MEANING } from "./theme";

const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });

const MONTH = new Intl.DateTimeFormat("en-GB", { month: "short", year: "numeric", timeZone: "UTC" });

/** Writes a day (YYYY-MM-DD) for people. */
export const dayText = (date: string | null): string => (date === null ? "unknown" : DAY.format(new Date(date)));

const degrees = (value: number, [positive, negative]: [string, string]): string =>
  `${Math.abs(value).toFixed(4)}° ${value < 0 ? negative : positive}`;

/** Writes where a place is. */
export const coordinates = ({ lon, lat }: Place): string => `${degrees(lat, ["N", "S"])}, ${degrees(lon, ["E", "W"])}`;

function splitText(place: Place): (Node | string)[] {
  if (place.conflict.length > 0) {
    const listed = place.conflict.join(" and ");
    return [
      "none ",
      h("span", { class: "warn" }, `the published table lists it in ${listed}; keep it out of training`),
    ];
  }
  return [place.split === null ? "none published" : h("span", { class: "badge" }, place.split)];
}

function revisitText(revisits: Revisit[] | null): string {
  if (revisits === null) return "…";
  const months = revisits.flatMap(({ date }) => date ?? []).sort().map((date) => MONTH.format(new Date(date))); // prettier-ignore
  const period = [...new Set([months[0], months.at(-1)])].filter(Boolean).join(" to ");
  return revisits.length === 0 ? "no revisits" : `${revisits.length} revisits, ${period || "dates unknown"}`;
}

function row(name: string, ...value: (Node | string)[]): Node[] {
  return [h("dt", {}, name), h("dd", {}, ...value)];
}

/** Returns the list of facts; revisits are null while they are on their way. */
export function facts(place: Place, revisits: Revisit[] | null): HTMLElement {
  const meaning = SOURCE_MEANING[place.source];
  const source = meaning === undefined ? place.source : `${place.source}, ${meaning}`;
  return h(
    "dl",
    { class: "facts" },
    ...row("Source", source),
    ...row("Land use", place.ipcc ?? "unknown", h("small", {}, " IPCC")),
    ...row("Land cover", place.lccs ?? "unknown", h("small", {}, " LCCS")),
    ...row("Settlement", place.smod ?? "unknown", h("small", {}, " SMOD")),
    ...row("Split", ...splitText(place)),
    ...row("SPOT 6/7", dayText(place.date), place.productId === null ? "" : h("code", {}, place.productId)),
    ...row("Sentinel-2", revisitText(revisits)),
  );
}
