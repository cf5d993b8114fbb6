/** Small charts in SVG, each with the same numbers as a table for whoever does not see it. */

import { h, svg } from "./dom";

const WIDTH = 320;
const HEIGHT = 120;
const MARGIN = { left: 38, right: 8, top: 8, bottom: 20 };
const INNER = { width: WIDTH - MARGIN.left - MARGIN.right, height: HEIGHT - MARGIN.top - MARGIN.bottom };

export interface Column {
  label: string;
  value: number;
}

/** One value of a series; null where there is nothing to see that day. */
export interface Sample {
  time: number;
  label: string;
  value: number | null;
  low: number | null;
  high: number | null;
}

/** Writes a number shortly. */
export function short(value: number): string {
  if (value !== 0 && Math.abs(value) < 0.01) return value.toExponential(1);
  return value.toLocaleString("en", { maximumFractionDigits: Math.abs(value) < 10 ? 3 : 1 });
}

function table(caption: string, head: string[], rows: string[][]): HTMLElement {
  const cells = (row: string[]): HTMLElement[] =>
    row.map((text, at) => (at === 0 ? h("th", { scope: "row" }, text) : h("td", {}, text)));
  return h(
    "details",
    { class: "as-table" },
    h("summary", {}, "As a table"),
    h(
      "table",
      {},
      h("caption", { class: "visually-hidden" }, caption),
      h("thead", {}, h("tr", {}, ...head.map((text) => h("th", { scope: "col" }, text)))),
      h("tbody", {}, ...rows.map((row) => h("tr", {}, ...cells(row)))),
    ),
  );
}

function figure(title: string, drawing: SVGElement, rows: HTMLElement): HTMLElement {
  drawing.setAttribute("role", "img");
  drawing.setAttribute("aria-label", `${title}; the numbers are in the table below`);
  return h("figure", { class: "chart" }, h("figcaption", {}, title), drawing, rows);
}

const text = (x: number, y: number, words: string, anchor = "middle"): SVGElement =>
  svg("text", { x, y, "text-anchor": anchor, class: "tick" }, words);

function frame(low: string, high: string): SVGSVGElement {
  const bottom = MARGIN.top + INNER.height;
  const axis = svg("line", { x1: MARGIN.left, x2: WIDTH - MARGIN.right, y1: bottom, y2: bottom, class: "axis" });
  const labels = [text(MARGIN.left - 5, bottom, low, "end"), text(MARGIN.left - 5, MARGIN.top + 8, high, "end")];
  return svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}` }, axis, ...labels);
}

/** Draws one column for each row; `every` says how many columns share one label below. */
export function columns(title: string, rows: Column[], head: [string, string], every = 1): HTMLElement {
  const most = Math.max(1, ...rows.map(({ value }) => value));
  const drawing = frame("0", most.toLocaleString("en"));
  const step = INNER.width / Math.max(rows.length, 1);
  rows.forEach(({ label, value }, index) => {
    const height = (INNER.height * value) / most;
    const [x, y] = [MARGIN.left + index * step, MARGIN.top + INNER.height - height];
    const gap = Math.min(2, step / 5);
    const bar = { x: x + gap / 2, y, width: step - gap, height, rx: Math.min(2, step / 4), class: "column" };
    drawing.append(svg("rect", bar, svg("title", {}, `${label}: ${value.toLocaleString("en")}`)));
    if (index % every === 0) drawing.append(text(x + step / 2, HEIGHT - 6, label));
  });
  const cells = rows.map(({ label, value }) => [label, value.toLocaleString("en")]);
  return figure(title, drawing, table(title, head, cells));
}

/** Draws a histogram as rio-tiler gives it: counts, and the edges between which they lie. */
export function histogram(title: string, counts: number[], edges: number[]): HTMLElement {
  if (counts.every((count) => count === 0)) return h("p", { class: "note" }, `${title}: nothing to see on this day.`);
  const last = counts.length - 1;
  const rows = counts.map((value, index) => ({ label: short(edges[index] ?? 0), value }));
  return columns(title, rows, ["From", "Pixels"], Math.max(1, Math.round(last / 4)));
}

/** Draws a series over time: a line through what was seen, with the range of each day where it has one. */
export function series(title: string, samples: Sample[], chosen: string | null): HTMLElement {
  const seen = samples.filter(({ value }) => value !== null);
  const values = seen.flatMap(({ value, low, high }) => [value ?? 0, low ?? value ?? 0, high ?? value ?? 0]);
  const [low, high] = values.length === 0 ? [0, 1] : [Math.min(...values), Math.max(...values)];
  const [first, last] = [samples[0]?.time ?? 0, samples.at(-1)?.time ?? 1];
  const x = (time: number): number =>
    MARGIN.left + 4 + ((INNER.width - 8) * (time - first)) / Math.max(last - first, 1);
  const y = (value: number): number => MARGIN.top + INNER.height * (1 - (value - low) / (high - low || 1));
  const drawing = frame(short(low), short(high));
  const points = seen.map(({ time, value }) => `${x(time).toFixed(1)},${y(value ?? 0).toFixed(1)}`);
  drawing.append(...seen.flatMap((sample) => range(sample, x, y)));
  drawing.append(svg("polyline", { points: points.join(" "), class: "line" }));
  for (const sample of samples) drawing.append(dot(sample, x, y, sample.label === chosen));
  drawing.append(text(x(first), HEIGHT - 6, samples[0]?.label ?? "", "start"));
  drawing.append(text(x(last), HEIGHT - 6, samples.at(-1)?.label ?? "", "end"));
  const cells = samples.map(({ label, value }) => [label, value === null ? "clouds" : short(value)]);
  return figure(title, drawing, table(title, ["Day", "Value"], cells));
}

type Scale = (value: number) => number;

function range({ time, low, high }: Sample, x: Scale, y: Scale): SVGElement[] {
  if (low === null || high === null || low === high) return [];
  return [svg("line", { x1: x(time), x2: x(time), y1: y(low), y2: y(high), class: "whisker" })];
}

function dot({ time, value, label }: Sample, x: Scale, y: Scale, chosen: boolean): SVGElement {
  const where = { cx: x(time), cy: value === null ? MARGIN.top + INNER.height : y(value), r: chosen ? 4.5 : 3 };
  const kind = value === null ? "dot-cloudy" : chosen ? "dot-chosen" : "dot-seen";
  return svg(
    "circle",
    { ...where, class: kind },
    svg("title", {}, `${label}: ${value === null ? "clouds" : short(value)}`),
  );
}
