/** Measuring: values at a point or in a polygon, their histogram, and an index over all revisits. */

import { isAbort, ServerError } from "./api";
import { histogram, series, short } from "./chart";
import { h } from "./dom";
import type { Picture } from "./imagery";
import { isSynthetic } from "./layers";
import { seriesOf, statisticsOf, valuesAt } from "./numbers";
import type { Place } from "./place";
import type { Position } from "./state";
import { layerText } from "./swipe";

/** What is measured. */
export interface Subject {
  place: Place;
  pictures: Picture[];
  shape: readonly Position[];
  /** Day of the chosen revisit, as the series writes it. */
  day: string;
}

/** The ways to choose where. */
export interface Tools {
  polygon: () => void;
  middle: () => void;
  seen: () => void;
  clear: () => void;
}

const SERIES_INDICES = ["NDVI", "NDWI", "EVI", "NBR", "NDBI", "BSI", "NDSI"];

const button = (label: string, run: () => void): HTMLElement => h("button", { type: "button", class: "tool", onclick: run }, label); // prettier-ignore

/** Says what is being measured. */
function where(shape: readonly Position[]): string {
  const [first] = shape;
  if (first === undefined) return "The whole place. Click into the picture for a point, or draw a polygon.";
  if (shape.length > 1) return `A polygon of ${shape.length} corners.`;
  return `The point ${first[1].toFixed(5)}, ${first[0].toFixed(5)} (latitude, longitude).`;
}

/** Returns the values of both pictures at the point, where the shape is one. */
async function pointValues({ pictures, shape }: Subject, signal: AbortSignal): Promise<HTMLElement[]> {
  const [point] = shape;
  if (point === undefined || shape.length > 1) return [];
  const values = await Promise.all(pictures.map((picture) => valuesAt(picture, point, signal)));
  return pictures.map(({ layer }, index) => {
    const rows = (values[index] ?? []).flatMap(([name, value]) => [
      h("dt", {}, name),
      h("dd", {}, value === null ? "nothing to see" : short(value)),
    ]);
    const mark = isSynthetic(layer) ? h("em", { class: "synthetic-mark" }, "synthetic") : null;
    const head = h("h4", {}, layerText(layer), mark);
    return h("div", { class: "value", "data-layer": layer.id }, head, h("dl", {}, ...rows));
  });
}

/** Returns a histogram of each band of both pictures; of classes there is none. */
async function histograms({ pictures, shape }: Subject, signal: AbortSignal): Promise<HTMLElement[]> {
  const continuous = pictures.filter(({ layer }) => !layer.classes);
  const drawn = continuous.map(async (picture) => {
    const bands = await statisticsOf(picture, shape, signal);
    return bands.map(([band, { mean, histogram: spread }]) => {
      const name = layerText(picture.layer) + (bands.length > 1 ? `: ${band}` : "");
      return histogram(mean === null ? name : `${name}, mean ${short(mean)}`, ...spread);
    });
  });
  return (await Promise.all(drawn)).flat();
}

export class Measure {
  private readonly hint = h("p", { class: "note", role: "status" });
  private readonly values = h("div", { class: "values" });
  private readonly histograms = h("div", {});
  private readonly seriesBox = h("div", { class: "series" });
  private readonly index = h("select", { "aria-label": "Index over time" });
  readonly element: HTMLElement;
  private subject: Subject | null = null;
  private asking = new AbortController();

  constructor(tools: Tools) {
    this.index.append(...SERIES_INDICES.map((name) => h("option", { value: name }, name)));
    this.index.addEventListener("change", () => this.subject && void this.overTime(this.subject));
    const bar = h(
      "div",
      { class: "measure-tools" },
      button("Draw a polygon", tools.polygon),
      button("Middle of the map", tools.middle),
      button("What is in view", tools.seen),
      button("Whole place", tools.clear),
    );
    const over = h("div", { class: "row" }, h("h3", {}, "Over time, clouds left out"), this.index);
    this.element = h(
      "div",
      { class: "measure" },
      h("section", {}, bar, this.hint, this.values),
      h("section", {}, over, this.seriesBox),
      h("section", {}, h("h3", {}, "Histogram"), this.histograms),
    );
  }

  drawing(active: boolean): void {
    if (active) this.hint.textContent = "Click the corners; Enter or a double click ends, Escape gives up.";
    else if (this.subject !== null) this.hint.textContent = where(this.subject.shape);
  }

  /** Measures, and takes back what was asked for before. */
  async show(subject: Subject): Promise<void> {
    this.asking.abort();
    this.asking = new AbortController();
    this.subject = subject;
    this.hint.textContent = where(subject.shape);
    await Promise.all([this.read(subject), this.overTime(subject)]);
  }

  /** Reads values at the point, and what is spread over the polygon or the whole place. */
  private async read(subject: Subject): Promise<void> {
    const { signal } = this.asking;
    await Promise.all([
      this.fill(this.values, signal, () => pointValues(subject, signal)),
      this.fill(this.histograms, signal, () => histograms(subject, signal)),
    ]);
  }

  private async overTime({ place, shape, day }: Subject): Promise<void> {
    const { signal } = this.asking;
    await this.fill(this.seriesBox, signal, async () => {
      const samples = await seriesOf(place.slug, this.index.value, shape, signal);
      if (samples.length === 0) return [h("p", { class: "note" }, "This place has no revisits.")];
      return [series(`${this.index.value} of ${place.name}`, samples, day)];
    });
  }

  /** Fills a box with what is made; until then it is busy, and what goes wrong is said in it. */
  private async fill(box: HTMLElement, signal: AbortSignal, make: () => Promise<HTMLElement[]>): Promise<void> {
    box.setAttribute("aria-busy", "true");
    try {
      const made = await make();
      if (!signal.aborted) box.replaceChildren(...made);
    } catch (error) {
      if (isAbort(error) || signal.aborted) return;
      if (!(error instanceof ServerError)) throw error;
      box.replaceChildren(h("p", { class: "warn" }, error.message));
    } finally {
      if (!signal.aborted) box.removeAttribute("aria-busy");
    }
  }
}
