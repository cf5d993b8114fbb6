/** The filters: classes with live counts, dates, clouds and days from the SPOT image. */

import type { Bucket } from "./counts";
import { h } from "./dom";
import { aboutRevisits, countFilters, FACETS, NO_FILTERS, type Facet, type Filters } from "./filters";
import { categoryClass, SOURCE_MEANING } from "./theme";

const TITLE: Record<Facet, string> = {
  source: "Source",
  ipcc: "Land use (IPCC)",
  split: "Split",
  lccs: "Land cover (LCCS)",
  smod: "Settlement (SMOD)",
};
const OPEN: ReadonlySet<Facet> = new Set<Facet>(["source", "ipcc", "split"]);
const NO_CLOUD_LIMIT = 100;
const NO_DELTA_LIMIT = 400;

/** Returns what a class is called; codes have their label from the places that are here. */
export type Labels = (facet: Facet, key: string) => string;

/** The controls of all conditions; `change` gets what a person chose. */
export class Facets {
  private readonly groups = new Map<Facet, HTMLElement>();
  private readonly note = h("p", { class: "note" });
  private readonly clear = h("button", { type: "button", class: "text-button" }, "Clear all");
  private readonly from = h("input", { type: "date", "aria-label": "Revisits from", min: "2015-01-01" });
  private readonly to = h("input", { type: "date", "aria-label": "Revisits to", min: "2015-01-01" });
  private readonly clouds = h("input", { type: "range", min: 0, max: NO_CLOUD_LIMIT, step: 5, id: "clouds" });
  private readonly delta = h("input", { type: "range", min: 10, max: NO_DELTA_LIMIT, step: 10, id: "delta" });
  private readonly cloudsText = h("output", { for: "clouds" });
  private readonly deltaText = h("output", { for: "delta" });
  readonly element = h("div", { class: "facets" });
  private filters: Filters = NO_FILTERS;

  constructor(
    private readonly labels: Labels,
    private readonly change: (filters: Filters) => void,
  ) {
    const head = h("div", { class: "facets-head" }, this.note, this.clear);
    this.clear.addEventListener("click", () => change({ ...NO_FILTERS, q: this.filters.q }));
    this.element.append(head, ...FACETS.map((facet) => this.group(facet)), this.revisits());
  }

  private group(facet: Facet): HTMLElement {
    const list = h("div", { class: "facet-list", role: "group", "aria-label": TITLE[facet] });
    this.groups.set(facet, list);
    return h("details", { class: "facet", open: OPEN.has(facet) }, h("summary", {}, TITLE[facet]), list);
  }

  private revisits(): HTMLElement {
    for (const input of [this.from, this.to])
      input.addEventListener("change", () =>
        this.change({ ...this.filters, from: this.from.value, to: this.to.value }),
      );
    const told = (): void => this.tell(Number(this.clouds.value), Number(this.delta.value));
    const limit = (input: HTMLInputElement, most: number): number | null =>
      Number(input.value) >= most ? null : Number(input.value);
    for (const input of [this.clouds, this.delta]) {
      input.addEventListener("input", told);
      input.addEventListener("change", () => {
        const clouds = limit(this.clouds, NO_CLOUD_LIMIT);
        this.change({ ...this.filters, clouds, delta: limit(this.delta, NO_DELTA_LIMIT) });
      });
    }
    const days = h("div", { class: "days" }, this.from, h("span", { "aria-hidden": "true" }, "–"), this.to);
    return h(
      "details",
      { class: "facet", open: true },
      h("summary", {}, "Sentinel-2 revisits"),
      days,
      h("label", { class: "range" }, h("span", {}, "Clouds over the place"), this.cloudsText, this.clouds),
      h("label", { class: "range" }, h("span", {}, "Days from SPOT"), this.deltaText, this.delta),
    );
  }

  private tell(clouds: number, delta: number): void {
    this.cloudsText.textContent = clouds >= NO_CLOUD_LIMIT ? "any" : `at most ${clouds} %`;
    this.deltaText.textContent = delta >= NO_DELTA_LIMIT ? "any" : `at most ${delta}`;
  }

  /** Sets the controls to these conditions. */
  set(filters: Filters): void {
    this.filters = filters;
    [this.from.value, this.to.value] = [filters.from, filters.to];
    this.clouds.value = String(filters.clouds ?? NO_CLOUD_LIMIT);
    this.delta.value = String(filters.delta ?? NO_DELTA_LIMIT);
    this.tell(filters.clouds ?? NO_CLOUD_LIMIT, filters.delta ?? NO_DELTA_LIMIT);
    this.clear.hidden = countFilters(filters) === 0;
    this.note.textContent = aboutRevisits(filters) ? "Numbers are matching images" : "Numbers are places";
    for (const [facet, list] of this.groups) {
      for (const input of list.querySelectorAll("input")) input.checked = filters[facet].includes(input.value);
      // What narrows the places is not hidden in a closed group.
      if (filters[facet].length > 0) list.closest("details")?.setAttribute("open", "");
    }
  }

  /** Shows these counts; what is chosen stays in its list even where nothing is left of it. */
  count(counts: Record<Facet, Bucket[]>): void {
    for (const facet of FACETS) {
      const known = counts[facet];
      const gone = this.filters[facet].filter((key) => !known.some((bucket) => bucket.key === key));
      const rows = [...known, ...gone.map((key) => ({ key, frequency: 0 }))].map((bucket) => this.row(facet, bucket));
      const list = this.groups.get(facet);
      const focused = list?.querySelector<HTMLInputElement>("input:focus")?.value;
      list?.replaceChildren(...rows);
      // Counts arrive while the keyboard is here: it stays where it was.
      if (focused !== undefined)
        list?.querySelector<HTMLInputElement>(`input[value="${CSS.escape(focused)}"]`)?.focus();
    }
  }

  private row(facet: Facet, { key, frequency }: Bucket): HTMLElement {
    const checked = this.filters[facet].includes(key);
    const input = h("input", { type: "checkbox", name: facet, value: key, checked });
    input.addEventListener("change", () => this.toggle(facet, key));
    const dot =
      facet === "source" || facet === "ipcc" ? h("span", { class: `dot ${categoryClass(facet, key)}` }) : null;
    const name = this.labels(facet, key);
    const meaning = facet === "source" ? h("span", { class: "meaning" }, SOURCE_MEANING[key] ?? "") : null;
    const count = h("span", { class: "count" }, frequency.toLocaleString("en"));
    return h("label", { class: "facet-row" }, input, dot, h("span", { class: "facet-name" }, name), meaning, count);
  }

  private toggle(facet: Facet, key: string): void {
    const before = this.filters[facet];
    const after = before.includes(key) ? before.filter((one) => one !== key) : [...before, key];
    this.change({ ...this.filters, [facet]: after });
  }
}
