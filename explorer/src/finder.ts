/** Finding a place by typing: the keyboard's way to what the mouse finds on the map. */

import { h } from "./dom";
import type { Place } from "./place";

const SHOWN = 8;

/** Where a place is, in words. */
export type Whereabouts = (place: Place) => string | null;

/** Returns the places that hold every word of the text; those whose name begins with it come first. */
export function search(places: Place[], text: string, where: Whereabouts): Place[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return [];
  const found = places.filter((place) => {
    const { name, slug, source, ipcc, lccs, smod } = place;
    const all = [name, slug, source, ipcc, lccs, smod, where(place)].join(" ").toLowerCase();
    return words.every((word) => all.includes(word));
  });
  const begins = (place: Place): number => Number(!place.name.toLowerCase().startsWith(text.toLowerCase()));
  return found.sort((a, b) => begins(a) - begins(b) || a.name.localeCompare(b.name, "en", { numeric: true }));
}

/** A search field with a list of suggestions (the ARIA combobox pattern). */
export class Finder {
  private readonly list = h("ul", { id: "found", role: "listbox", "aria-label": "Places found", hidden: true });
  private readonly input = h("input", {
    type: "search",
    role: "combobox",
    placeholder: "Find by name, land use, country",
    "aria-label": "Find a place by name, source, land use or country",
    "aria-controls": "found",
    "aria-expanded": "false",
    "aria-autocomplete": "list",
    autocomplete: "off",
    spellcheck: "false",
  });
  readonly element = h("div", { class: "finder" }, this.input, this.list);
  private found: Place[] = [];
  private active = -1;

  constructor(
    private readonly places: () => Place[],
    private readonly where: Whereabouts,
    private readonly choose: (slug: string) => void,
  ) {
    this.input.addEventListener("input", () => this.update());
    this.input.addEventListener("focus", () => this.update());
    this.input.addEventListener("blur", () => this.close());
    this.input.addEventListener("keydown", (event) => this.key(event));
  }

  private update(): void {
    const all = search(this.places(), this.input.value, this.where);
    this.found = all.slice(0, SHOWN);
    this.active = -1;
    const more =
      all.length > SHOWN ? [h("li", { class: "more", role: "presentation" }, `and ${all.length - SHOWN} more`)] : [];
    const none = h("li", { class: "more", role: "presentation" }, "No such place");
    this.list.replaceChildren(
      ...(all.length > 0 ? this.found.map((place, index) => this.row(place, index)) : [none]),
      ...more,
    );
    this.open(this.input.value.trim() !== "");
  }

  private row(place: Place, index: number): HTMLLIElement {
    const about = [place.ipcc, this.where(place)].filter((part) => part !== null).join(" · ");
    return h(
      "li",
      {
        id: `found-${index}`,
        role: "option",
        "aria-selected": "false",
        onmousedown: (event) => (event.preventDefault(), this.take(place)),
      },
      h("span", { class: `dot source-${place.source.toLowerCase()}` }),
      h("span", { class: "found-name" }, place.name),
      h("span", { class: "found-about" }, about),
    );
  }

  private key(event: KeyboardEvent): void {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined && this.found.length > 0) {
      event.preventDefault();
      this.mark((this.active + step + this.found.length) % this.found.length);
    } else if (event.key === "Enter") {
      const place = this.found[Math.max(this.active, 0)];
      if (place !== undefined) this.take(place);
    } else if (event.key === "Escape" && !this.list.hidden) {
      event.stopPropagation();
      this.close();
    }
  }

  private mark(index: number): void {
    this.active = index;
    this.list.querySelectorAll("[role=option]").forEach((row, at) => {
      row.setAttribute("aria-selected", String(at === index));
      if (at === index) row.scrollIntoView({ block: "nearest" });
    });
    this.input.setAttribute("aria-activedescendant", `found-${index}`);
  }

  private take(place: Place): void {
    this.input.value = "";
    this.close();
    this.input.blur();
    this.choose(place.slug);
  }

  private close(): void {
    this.open(false);
  }

  private open(open: boolean): void {
    this.list.hidden = !open;
    this.input.setAttribute("aria-expanded", String(open));
    if (!open) this.input.removeAttribute("aria-activedescendant");
  }
}
