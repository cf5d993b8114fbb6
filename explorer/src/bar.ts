/** The card at the top: what this is, finding places, filtering them, and how many there are. */

import { byId, h } from "./dom";
import type { Facets } from "./facets";
import { countFilters, isFiltered, type Filters } from "./filters";
import type { Finder } from "./finder";
import { root } from "./config";

const plural = (count: number, one: string): string => `${count.toLocaleString("en")} ${one}${count === 1 ? "" : "s"}`;

export class Bar {
  private readonly status = h("p", { class: "status", role: "status" }, "Loading places …");
  private readonly filterButton = h("button", { type: "button", class: "pill", "aria-controls": "filters" });
  private readonly drawer: HTMLElement;
  private wasOpen = false;

  constructor(finder: Finder, facets: Facets, selection: HTMLElement, charts: () => void) {
    const link = (href: string, text: string): HTMLElement => h("a", { href: `${root()}${href}` }, text);
    const links = h("nav", { "aria-label": "Interfaces" }, link("stac", "STAC"), link("docs", "API"));
    const chartsButton = h("button", { type: "button", class: "pill", id: "open-charts", onclick: charts }, "Charts");
    this.drawer = h("div", { id: "filters" }, facets.element, selection);
    this.filterButton.addEventListener("click", () => this.open(this.drawer.hidden !== false));
    byId("bar").replaceChildren(
      h("div", { class: "head" }, h("h1", {}, "WorldStrat"), links),
      finder.element,
      h("div", { class: "tools" }, this.status, this.filterButton, chartsButton),
      this.drawer,
    );
    this.open(innerWidth > 900);
    this.set(0);
  }

  /** Folds the filters away while a place is open, and brings them back as they were. */
  visiting(place: boolean): void {
    if (place) this.wasOpen = this.drawer.hidden === false;
    this.open(!place && this.wasOpen);
  }

  /** Opens or closes the filters. */
  open(open: boolean): void {
    this.drawer.hidden = !open;
    this.filterButton.setAttribute("aria-expanded", String(open));
  }

  private set(count: number): void {
    this.filterButton.replaceChildren("Filters", count > 0 ? h("span", { class: "badge-count" }, String(count)) : "");
  }

  filtered(filters: Filters): void {
    this.set(countFilters(filters));
  }

  /** Says how far the loading of places is. */
  loading(count: number): void {
    this.status.textContent = `Loading places … ${count}`;
  }

  /** Says how many places match, of how many, and how many images that are. */
  matched(filters: Filters, places: number, all: number, images: number | null): void {
    const of = isFiltered(filters) ? ` of ${all.toLocaleString("en")}` : "";
    const shown = images === null ? "" : ` · ${plural(images, "image")}`;
    this.status.textContent = `${plural(places, "place")}${of}${shown}`;
    document.body.dataset["places"] = String(places);
  }
}

/** Names those whose imagery and map this is, with their licences. */
export function writeCredits(basemap: string | null): void {
  byId("credits").textContent =
    "SPOT imagery © Airbus, CC BY-NC 4.0 · contains modified Copernicus Sentinel data, CC BY 4.0 · " +
    `WorldStrat, CC BY 4.0${basemap === null ? " · map: Natural Earth" : ""}`;
}
