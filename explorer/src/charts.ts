/** The dataset in charts and tables: what there is, by source, class, split, month, clouds and days from SPOT. */

import { ServerError } from "./api";
import { columns, type Column } from "./chart";
import { aggregate, countDelta, type Bucket } from "./counts";
import { byId, h } from "./dom";
import type { Labels } from "./facets";
import { isFiltered, NONE, type Facet, type Filters } from "./filters";
import { SENTINEL2, SPOT } from "./stac";
import { categoryClass, SOURCE_MEANING } from "./theme";

const TITLE: [Facet, string][] = [
  ["source", "Places by source"],
  ["ipcc", "Places by land use (IPCC)"],
  ["split", "Places by split"],
  ["smod", "Places by settlement (SMOD)"],
  ["lccs", "Places by land cover (LCCS)"],
];
/** Where the ranges of days from SPOT begin and end. */
const DELTAS = [-400, -180, -90, -30, -7, 8, 31, 91, 181, 400];

const text = (count: number): string => count.toLocaleString("en");

/** A table whose numbers are also bars. */
function barTable(title: string, facet: Facet, buckets: Bucket[], labels: Labels): HTMLElement {
  const most = Math.max(1, ...buckets.map(({ frequency }) => frequency));
  const total = buckets.reduce((sum, { frequency }) => sum + frequency, 0);
  const rows = [...buckets].sort((a, b) => b.frequency - a.frequency).map(({ key, frequency }) => {
    const bar = h("span", { class: `bar-fill ${facet === "source" || facet === "ipcc" ? categoryClass(facet, key) : ""}` });
    bar.style.width = `${(100 * frequency) / most}%`;
    const meaning = facet === "source" ? h("small", {}, ` ${SOURCE_MEANING[key] ?? ""}`) : null;
    return h(
      "tr",
      {},
      h("th", { scope: "row" }, labels(facet, key), meaning),
      h("td", { class: "bar-cell" }, h("span", { class: "bar-track", "aria-hidden": "true" }, bar)),
      h("td", { class: "number" }, text(frequency)),
      h("td", { class: "number share" }, `${((100 * frequency) / Math.max(total, 1)).toFixed(1)} %`),
    );
  }); // prettier-ignore
  const column = (name: string, hidden = false): HTMLElement => h("th", { scope: "col" }, hidden ? h("span", { class: "visually-hidden" }, name) : name); // prettier-ignore
  const head = h("tr", {}, column("Class"), column("Bar", true), column("Places"), column("Share"));
  return h("section", { class: "tile" }, h("h3", {}, title), h("table", { class: "bars" }, h("thead", { class: "visually-hidden" }, head), h("tbody", {}, ...rows))); // prettier-ignore
}

/** Puts months together to years, and gives the months of all of them, empty ones too. */
export function byMonth(buckets: Bucket[]): { months: Column[]; years: Column[] } {
  const counts = new Map(buckets.filter(({ key }) => key !== NONE).map(({ key, frequency }) => [key.slice(0, 7), frequency])); // prettier-ignore
  const known = [...counts.keys()].sort();
  const [first, last] = [Number(known[0]?.slice(0, 4)), Number(known.at(-1)?.slice(0, 4))];
  if (known.length === 0) return { months: [], years: [] };
  const years = Array.from({ length: last - first + 1 }, (_, index) => first + index);
  const months = years.flatMap((year) =>
    Array.from({ length: 12 }, (_, month) => {
      const label = `${year}-${String(month + 1).padStart(2, "0")}`;
      return { label, value: counts.get(label) ?? 0 };
    }),
  );
  const sum = (year: number): number =>
    months.filter(({ label }) => label.startsWith(String(year))).reduce((all, { value }) => all + value, 0);
  return { months, years: years.map((year) => ({ label: String(year), value: sum(year) })) };
}

const tile = (content: HTMLElement): HTMLElement => h("section", { class: "tile" }, content);

const clouds = (buckets: Bucket[]): Column[] =>
  buckets.filter(({ key }) => key !== NONE).map(({ key, frequency }) => ({ label: key.replace("-", "–"), value: frequency })); // prettier-ignore

async function deltaTile(filters: Filters): Promise<HTMLElement> {
  const pairs = DELTAS.slice(0, -1).map((low, index) => [low, DELTAS[index + 1] ?? low] as const);
  const values = await Promise.all(pairs.map(([low, high]) => countDelta(filters, low, high)));
  const rows = pairs.map(([low, high], index) => ({ label: `${low}…${high - 1}`, value: values[index] ?? 0 }));
  const labelled = rows.map((row) => ({ ...row, label: row.label.replaceAll("-", "−") }));
  return tile(columns("Images by days from SPOT's", labelled, ["Days", "Images"], 2));
}

async function placeTiles(filters: Filters, labels: Labels): Promise<HTMLElement[]> {
  const names = TITLE.map(([facet]) => `${facet}_frequency`);
  const { buckets } = await aggregate({ ...filters, from: "", to: "", clouds: null, delta: null }, names, SPOT);
  return TITLE.map(([facet, title]) => barTable(title, facet, buckets.get(`${facet}_frequency`) ?? [], labels));
}

async function imageTiles(filters: Filters): Promise<HTMLElement[]> {
  const names = ["datetime_frequency", "cloud_cover_frequency", "place_cloud_cover_frequency"];
  const [{ buckets }, delta] = await Promise.all([aggregate(filters, names, SENTINEL2), deltaTile(filters)]);
  const of = (name: string): Bucket[] => buckets.get(`${name}_frequency`) ?? [];
  const { months, years } = byMonth(of("datetime"));
  return [
    tile(columns("Images by year", years, ["Year", "Images"])),
    tile(columns("Images by month", months, ["Month", "Images"], 12)),
    tile(columns("Images by clouds over the place, %", clouds(of("place_cloud_cover")), ["Per cent", "Images"])),
    tile(columns("Images by clouds in the whole product, %", clouds(of("cloud_cover")), ["Per cent", "Images"])),
    delta,
  ];
}

/** The page of charts, over the map. */
export class Charts {
  private readonly element = byId("charts");
  private readonly title = h("h2", { tabindex: -1, id: "charts-title" }, "The dataset in numbers");
  private readonly note = h("p", { class: "note" });
  private readonly tiles = h("div", { class: "tiles" });
  private asked = 0;

  constructor(
    private readonly labels: Labels,
    close: () => void,
  ) {
    // prettier-ignore
    const back = h("button", { type: "button", class: "quiet", "aria-label": "Close the charts", onclick: close }, "✕");
    this.element.replaceChildren(
      h("div", { class: "charts-head" }, h("div", {}, this.title, this.note), back),
      this.tiles,
    );
    this.element.addEventListener("keydown", (event) => {
      if (event.key === "Escape") close();
    });
  }

  async show(filters: Filters): Promise<void> {
    const asked = ++this.asked;
    if (this.element.hidden) {
      this.element.hidden = false;
      this.title.focus();
    }
    this.note.textContent = isFiltered(filters) ? "Of what the filters leave; places whatever their dates, clouds and days." : "Of the whole catalog; images are Sentinel-2 L2A."; // prettier-ignore
    this.tiles.setAttribute("aria-busy", "true");
    try {
      const [places, images] = await Promise.all([placeTiles(filters, this.labels), imageTiles(filters)]);
      if (asked === this.asked) this.tiles.replaceChildren(...places, ...images);
    } catch (error) {
      if (!(error instanceof ServerError)) throw error;
      if (asked === this.asked) this.tiles.replaceChildren(h("p", { class: "warn", role: "alert" }, error.message));
    } finally {
      if (asked === this.asked) this.tiles.removeAttribute("aria-busy");
    }
  }

  hide(): void {
    this.asked++;
    this.element.hidden = true;
  }
}
