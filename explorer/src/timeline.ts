/** The revisits of a place as a film strip, from the first to the last, with their clouds. */

import { thumbnailUrl } from "./addresses";
import { byId, h } from "./dom";
import { dayText } from "./facts";
import type { Place, Revisit } from "./place";
import { SENTINEL2 } from "./stac";

/** Pixels of a thumbnail: twice as many as are shown, for sharp screens. */
const SIDE = 112;
const CLOUDY = 20;

const days = (delta: number | null): string =>
  delta === null ? "" : `${delta > 0 ? "+" : delta < 0 ? "−" : ""}${Math.abs(delta)} d`;

const percent = (value: number | null): string =>
  value === null ? "unknown" : `${value.toFixed(value > 0 && value < 10 ? 1 : 0)} %`;

/** Puts revisits in the order of their days; those without a day come last. */
export const chronological = (revisits: Revisit[]): Revisit[] =>
  [...revisits].sort((a, b) => (a.date ?? "9").localeCompare(b.date ?? "9") || a.rank - b.rank);

/** A row of radio buttons, so arrow keys go from day to day. */
export class Timeline {
  private readonly element = byId("timeline");
  private readonly list = h("div", { class: "film", role: "radiogroup", "aria-label": "Sentinel-2 revisits, by date" });

  constructor(private readonly choose: (rank: number) => void) {
    this.element.append(this.list);
  }

  /** Says that the revisits are on their way. */
  wait(): void {
    this.element.hidden = false;
    this.list.replaceChildren(...Array.from({ length: 8 }, () => h("span", { class: "revisit ghost" })));
  }

  show(place: Place, revisits: Revisit[]): void {
    this.element.hidden = revisits.length === 0;
    const rows: HTMLElement[] = chronological(revisits).map((revisit) => this.frame(revisit));
    const after = chronological(revisits).findIndex(({ date }) => date !== null && date >= (place.date ?? "9"));
    if (place.date !== null) rows.splice(after < 0 ? rows.length : after, 0, this.spot(place.date));
    this.list.replaceChildren(...rows);
  }

  select(chosen: number): void {
    for (const input of this.list.querySelectorAll("input")) {
      input.checked = input.value === String(chosen);
      if (input.checked) this.reveal(input);
    }
  }

  hide(): void {
    this.element.hidden = true;
  }

  /** Scrolls the strip, and only the strip, to the chosen frame. */
  private reveal(input: HTMLInputElement): void {
    const frame = input.closest("label");
    if (frame === null) return;
    const { scrollLeft, clientWidth } = this.list;
    const { offsetLeft, offsetWidth } = frame;
    if (offsetLeft < scrollLeft || offsetLeft + offsetWidth > scrollLeft + clientWidth)
      this.list.scrollLeft = offsetLeft - clientWidth / 2;
  }

  private spot(date: string): HTMLElement {
    return h("div", { class: "spot-day", title: `SPOT's image is of ${dayText(date)}` }, h("span", {}, "SPOT"));
  }

  private frame(revisit: Revisit): HTMLElement {
    const { id, rank, date, delta } = revisit;
    const clouds = revisit.clouds ?? revisit.imageClouds;
    const input = h("input", { type: "radio", name: "revisit", value: rank, onchange: () => this.choose(rank) });
    const src = thumbnailUrl(SENTINEL2, id, SIDE);
    const image = h("img", { src, alt: "", width: SIDE / 2, height: SIDE / 2, loading: "lazy", decoding: "async" });
    image.addEventListener("error", () => image.removeAttribute("src"), { once: true });
    const fill = h("span", { class: "fill" });
    fill.style.width = `${clouds ?? 0}%`;
    const [day = "", month = "", year = ""] = dayText(date).split(" ");
    const title = `${dayText(date)}, rank ${rank}, ${days(delta)} from SPOT. Clouds over this place: ${percent(revisit.clouds)}; in the whole product: ${percent(revisit.imageClouds)}`;
    return h(
      "label",
      { class: `revisit${(clouds ?? 0) > CLOUDY ? " cloudy" : ""}`, title },
      input,
      image,
      h("span", { class: "day" }, `${day} ${month.slice(0, 3)}`, h("small", {}, ` ${year.slice(-2)}`)),
      h("span", { class: "meter", "aria-hidden": "true" }, fill),
      h("span", { class: "clouds" }, h("span", { class: "visually-hidden" }, "clouds "), percent(clouds)),
    );
  }
}
