/** Finding a place by typing: suggestions of places as one types, and the catalog's own search of words on Enter. */

import { h } from "./dom";
import type { Place } from "./place";
import { categoryClass } from "./theme";

const SHOWN = 7;

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

/** What the finder asks of the page. */
export interface Choosing {
  places: () => Place[];
  where: Whereabouts;
  /** A place was chosen. */
  choose: (slug: string) => void;
  /** Words were entered, or taken away. */
  words: (text: string) => void;
}

/** A search field with a list of suggestions (the ARIA combobox pattern). */
export class Finder {
  private readonly list = h("ul", { id: "found", role: "listbox", "aria-label": "Places found", hidden: true });
  private readonly input = h("input", {
    type: "search",
    role: "combobox",
    placeholder: "Search: refugee camp, Kenya …",
    "aria-label": "Find a place by name, source, land use or country; Enter searches the catalog's words",
    "aria-controls": "found",
    "aria-expanded": "false",
    "aria-autocomplete": "list",
    autocomplete: "off",
    spellcheck: "false",
    enterkeyhint: "search",
  });
  readonly element = h("div", { class: "finder" }, this.input, this.list);
  private found: Place[] = [];
  private active = -1;
  private entered = "";

  constructor(private readonly page: Choosing) {
    this.input.addEventListener("input", () => this.typed());
    this.input.addEventListener("focus", () => this.input.value !== this.entered && this.update());
    this.input.addEventListener("blur", () => this.open(false));
    this.input.addEventListener("keydown", (event) => this.key(event));
  }

  /** Shows the words that places are filtered by. */
  set(words: string): void {
    this.entered = words;
    if (document.activeElement !== this.input || words !== "") this.input.value = words;
  }

  private typed(): void {
    if (this.input.value === "" && this.entered !== "") this.page.words("");
    this.update();
  }

  private update(): void {
    const text = this.input.value.trim();
    const all = search(this.page.places(), text, this.page.where);
    this.found = all.slice(0, SHOWN);
    this.active = -1;
    const more = all.length > SHOWN ? `${all.length - SHOWN} more; Enter shows what the catalog finds` : "";
    const note = all.length > 0 ? more : "Enter searches titles, keywords and descriptions";
    const notes = note === "" ? [] : [h("li", { class: "more", role: "presentation" }, note)];
    this.list.replaceChildren(...this.found.map((place, index) => this.row(place, index)), ...notes);
    this.open(text !== "");
  }

  private row(place: Place, index: number): HTMLLIElement {
    const about = [place.ipcc, this.page.where(place)].filter((part) => part !== null).join(" · ");
    return h(
      "li",
      {
        id: `found-${index}`,
        role: "option",
        "aria-selected": "false",
        onmousedown: (event) => (event.preventDefault(), this.take(place)),
      },
      h("span", { class: `dot ${categoryClass("source", place.source)}` }),
      h("span", { class: "found-name" }, place.name),
      h("span", { class: "found-about" }, about),
    );
  }

  private key(event: KeyboardEvent): void {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined && this.found.length > 0) {
      event.preventDefault();
      this.mark((this.active + step + this.found.length) % this.found.length);
    } else if (event.key === "Enter") this.enter();
    else if (event.key === "Escape" && !this.list.hidden) {
      event.stopPropagation();
      this.open(false);
    }
  }

  private enter(): void {
    const place = this.found[this.active];
    if (place !== undefined) return this.take(place);
    this.open(false);
    this.page.words(this.input.value.trim());
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
    this.input.value = this.entered;
    this.open(false);
    this.input.blur();
    this.page.choose(place.slug);
  }

  private open(open: boolean): void {
    this.list.hidden = !open;
    this.input.setAttribute("aria-expanded", String(open));
    if (!open) this.input.removeAttribute("aria-activedescendant");
  }
}
