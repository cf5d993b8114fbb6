/** The sources of the places with their colours and counts; each can be shown or hidden. */

import { byId, h } from "./dom";
import type { Place } from "./place";
import { SOURCES, SOURCE_MEANING } from "./theme";

const number = (count: number): string => count.toLocaleString("en");

/** Toggles for the sources; `changed` is called when the visible sources are others. */
export class Legend {
  readonly element = h("ul", { class: "legend", "aria-label": "Sources" });
  private readonly hidden = new Set<string>();

  constructor(private readonly changed: () => void) {}

  visible(place: Place): boolean {
    return !this.hidden.has(place.source);
  }

  /** Counts these places anew. */
  count(places: Place[]): void {
    const counts = new Map<string, number>();
    for (const { source } of places) counts.set(source, (counts.get(source) ?? 0) + 1);
    const others = [...counts.keys()].filter((source) => !(SOURCES as readonly string[]).includes(source)).sort();
    const rows = [...SOURCES, ...others].filter((source) => counts.has(source));
    byId("legend").hidden = rows.length === 0;
    this.element.replaceChildren(...rows.map((source) => this.row(source, counts.get(source) ?? 0)));
  }

  private row(source: string, count: number): HTMLLIElement {
    const meaning = SOURCE_MEANING[source] ?? "";
    const toggle = h(
      "button",
      {
        type: "button",
        "aria-pressed": String(!this.hidden.has(source)),
        title: `Show or hide ${source}`,
        "data-source": source,
      },
      h("span", { class: `dot source-${source.toLowerCase()}` }),
      h("span", { class: "legend-name" }, source),
      h("span", { class: "legend-meaning" }, meaning),
      h("span", { class: "legend-count" }, number(count)),
    );
    toggle.addEventListener("click", () => {
      if (!this.hidden.delete(source)) this.hidden.add(source);
      toggle.setAttribute("aria-pressed", String(!this.hidden.has(source)));
      this.changed();
    });
    return h("li", {}, toggle);
  }
}
