/** The card of the chosen place: its name, and four tabs. */

import { byId, h } from "./dom";
import { coordinates } from "./facts";
import type { Place } from "./place";
import { TABS, type Tab } from "./state";
import { categoryClass } from "./theme";

const TITLE: Record<Tab, string> = { look: "Look", measure: "Measure", about: "About", take: "Take away" };

export class Panel {
  private readonly element = byId("panel");
  private readonly head = h("div", { class: "panel-head" });
  private readonly tabs = new Map<Tab, HTMLButtonElement>();
  private readonly pages = new Map<Tab, HTMLElement>();

  constructor(
    content: Record<Tab, HTMLElement>,
    private readonly choose: (tab: Tab) => void,
    private readonly close: () => void,
  ) {
    const list = h("div", { class: "tabs", role: "tablist", "aria-label": "This place" });
    for (const tab of TABS) {
      const button = h("button", { type: "button", role: "tab", id: `tab-${tab}`, "aria-controls": `page-${tab}` }, TITLE[tab]); // prettier-ignore
      button.addEventListener("click", () => choose(tab));
      button.addEventListener("keydown", (event) => this.key(event, tab));
      const page = h("div", { id: `page-${tab}`, class: "page", role: "tabpanel", tabindex: 0, "aria-labelledby": `tab-${tab}` }, content[tab]); // prettier-ignore
      this.tabs.set(tab, button);
      this.pages.set(tab, page);
      list.append(button);
    }
    this.element.append(h("div", { class: "panel-top" }, this.head, list), ...this.pages.values());
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !event.defaultPrevented && !this.element.hidden) this.close();
    });
  }

  private key(event: KeyboardEvent, tab: Tab): void {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    const next = TABS[(TABS.indexOf(tab) + step + TABS.length) % TABS.length] ?? tab;
    this.choose(next);
    this.tabs.get(next)?.focus();
  }

  select(tab: Tab): void {
    for (const [name, button] of this.tabs) {
      button.setAttribute("aria-selected", String(name === tab));
      button.tabIndex = name === tab ? 0 : -1;
    }
    for (const [name, page] of this.pages) page.hidden = name !== tab;
  }

  /** Opens the card of a place, and takes the keyboard there. */
  open(place: Place, country: string | null): void {
    const dot = h("span", { class: `dot ${categoryClass("source", place.source)}` });
    const title = h("h2", { tabindex: -1 }, dot, place.name);
    const where = h("p", { class: "where" }, [country, coordinates(place)].filter((part) => part !== null).join(" · "));
    const close = h("button", { type: "button", class: "quiet", "aria-label": "Back to the world" }, "✕");
    close.addEventListener("click", () => this.close());
    this.head.replaceChildren(h("div", {}, title, where), close);
    this.element.hidden = false;
    this.element.scrollTop = 0;
    document.body.classList.add("visiting");
    document.title = `${place.name} · WorldStrat`;
    title.focus({ preventScroll: true });
  }

  hide(): void {
    document.body.classList.remove("visiting");
    if (this.element.hidden) return;
    this.element.hidden = true;
    document.title = "WorldStrat";
    byId("map").querySelector("canvas")?.focus();
  }

  /** Room that the cards take of the map, in pixels from each side. */
  get padding(): { top: number; right: number; bottom: number; left: number } {
    const { left, top, width } = this.element.getBoundingClientRect();
    const strip = byId("timeline").getBoundingClientRect();
    const bar = byId("bar").getBoundingClientRect();
    const bottom = strip.height > 0 ? innerHeight - strip.top + 16 : 170;
    if (width > innerWidth * 0.8)
      return { top: 64, right: 16, bottom: strip.height > 0 ? bottom : innerHeight - top + 130, left: 16 };
    return { top: 64, right: innerWidth - left + 24, bottom, left: innerWidth > 1100 ? bar.right + 24 : 40 };
  }
}
