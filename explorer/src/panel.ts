/** The card of the chosen place. */

import { byId, h } from "./dom";
import { coordinates, facts } from "./facts";
import type { LayerPicker } from "./layerpicker";
import type { Place, Revisit } from "./place";
import type { RevisitPicker } from "./revisits";
import type { Takeaway } from "./takeaway";

export class Panel {
  private readonly element = byId("panel");
  private readonly head = h("div", { class: "panel-head" });
  private readonly about = h("section", { class: "about", "aria-label": "What is this place" });

  constructor(
    layers: LayerPicker,
    revisits: RevisitPicker,
    takeaway: Takeaway,
    private readonly close: () => void,
  ) {
    this.element.append(this.head, this.about, layers.element, revisits.element, takeaway.element);
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !this.element.hidden) this.close();
    });
  }

  /** Opens the card of a place, and takes the keyboard there. */
  open(place: Place, country: string | null): void {
    const title = h(
      "h2",
      { tabindex: -1 },
      h("span", { class: `dot source-${place.source.toLowerCase()}` }),
      place.name,
    );
    const where = h("p", { class: "where" }, [country, coordinates(place)].filter((part) => part !== null).join(" · "));
    const close = h("button", { type: "button", class: "quiet", "aria-label": "Back to the world" }, "✕");
    close.addEventListener("click", () => this.close());
    this.head.replaceChildren(h("div", {}, title, where), close);
    this.element.hidden = false;
    this.element.scrollTop = 0;
    document.title = `${place.name} · WorldStrat`;
    title.focus({ preventScroll: true });
  }

  /** Tells what the place is; revisits are null while they are on their way. */
  tell(place: Place, revisits: Revisit[] | null): void {
    this.about.replaceChildren(facts(place, revisits));
  }

  hide(): void {
    if (this.element.hidden) return;
    this.element.hidden = true;
    document.title = "WorldStrat";
    byId("map").querySelector("canvas")?.focus();
  }

  /** Room that the card takes of the map, in pixels from each side. */
  get padding(): { top: number; right: number; bottom: number; left: number } {
    const { left, top, width } = this.element.getBoundingClientRect();
    const phone = width > innerWidth * 0.8;
    const bar = byId("bar").getBoundingClientRect();
    return phone
      ? { top: bar.bottom + 12, right: 16, bottom: innerHeight - top + 12, left: 16 }
      : { top: 40, right: innerWidth - left + 24, bottom: 40, left: innerWidth > 1100 ? bar.right + 24 : 40 };
  }
}
