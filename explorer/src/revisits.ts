/** Choosing one of the Sentinel-2 revisits, the best first. */

import { h } from "./dom";
import { dayText } from "./facts";
import type { Revisit } from "./place";

const days = (delta: number | null): string =>
  delta === null ? "" : `${delta > 0 ? "+" : delta < 0 ? "−" : ""}${Math.abs(delta)} d`;

const percent = (value: number | null): string =>
  value === null ? "unknown" : `${value.toFixed(value > 0 && value < 10 ? 1 : 0)} %`;

function cloudBar({ clouds, imageClouds }: Revisit): HTMLElement {
  const fill = h("span", { class: "fill" });
  fill.style.width = `${clouds ?? imageClouds ?? 0}%`;
  const title = `Clouds over this place: ${percent(clouds)}; in the whole Sentinel-2 image: ${percent(imageClouds)}`;
  const meter = h("span", { class: "meter", "aria-hidden": "true" }, fill);
  return h("span", { class: "clouds", title }, meter, h("span", {}, percent(clouds ?? imageClouds)));
}

/** A list of radio buttons: rank, date, days from the SPOT image, clouds. */
export class RevisitPicker {
  private readonly list = h("div", {
    class: "revisits",
    role: "radiogroup",
    "aria-label": "Sentinel-2 revisits, best first",
  });
  private readonly note = h("span", { class: "note" });
  readonly element = h("section", {}, h("h3", {}, "Revisits ", this.note), this.list);

  constructor(private readonly choose: (rank: number) => void) {}

  /** Says that the list is on its way, or why there is none. */
  say(text: string): void {
    this.note.textContent = text;
    this.list.replaceChildren();
  }

  show(revisits: Revisit[]): void {
    this.note.textContent =
      revisits.length > 0 ? "best first: days from the SPOT image, clouds" : "none in this catalog";
    this.list.replaceChildren(...revisits.map((revisit) => this.row(revisit)));
  }

  select(chosen: number): void {
    for (const input of this.list.querySelectorAll("input")) {
      input.checked = input.value === String(chosen);
      if (input.checked) this.reveal(input);
    }
  }

  /** Scrolls the list, and only the list, to the chosen row. */
  private reveal(input: HTMLInputElement): void {
    const row = input.closest("label");
    if (row === null) return;
    const top = row.offsetTop;
    const { scrollTop, clientHeight } = this.list;
    if (top < scrollTop || top + row.offsetHeight > scrollTop + clientHeight)
      this.list.scrollTop = top - clientHeight / 2;
  }

  private row(revisit: Revisit): HTMLElement {
    const { rank, date, delta } = revisit;
    const input = h("input", { type: "radio", name: "revisit", value: rank, onchange: () => this.choose(rank) });
    return h(
      "label",
      { class: "revisit" },
      input,
      h("span", { class: "rank" }, String(rank)),
      h("span", { class: "day" }, dayText(date)),
      h("span", { class: "delta" }, days(delta)),
      cloudBar(revisit),
    );
  }
}
