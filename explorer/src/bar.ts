/** The card at the top: what this is, finding a place, the sources, and how far the loading is. */

import { byId, h } from "./dom";
import type { Finder } from "./finder";
import type { Legend } from "./legend";

const link = (href: string, text: string): HTMLAnchorElement => h("a", { href }, text);

/** Fills the card; the returned function says how many places are here, and whether that is all. */
export function createBar(finder: Finder, legend: Legend): (count: number, done: boolean) => void {
  const status = h("p", { class: "status", role: "status" }, "Loading places …");
  const title = h("h1", {}, "WorldStrat");
  const links = h("nav", { "aria-label": "Interfaces" }, link("stac", "STAC"), link("docs", "API"));
  byId("bar").replaceChildren(h("div", { class: "head" }, title, links), status, finder.element);
  byId("legend").replaceChildren(legend.element);
  return (count, done) => {
    const places = `${count.toLocaleString("en")} ${count === 1 ? "place" : "places"}`;
    status.textContent = done ? `${places} at 1.5 m and 10 m` : `Loading places … ${count}`;
    document.body.dataset["places"] = String(count);
    document.body.classList.toggle("loading", !done);
  };
}

/** Names those whose imagery and map this is, with their licences. */
export function writeCredits(): void {
  byId("credits").textContent =
    "SPOT imagery © Airbus, CC BY-NC 4.0 · contains modified Copernicus Sentinel data, CC BY 4.0 · " +
    "WorldStrat, CC BY 4.0 · map: Natural Earth";
}
