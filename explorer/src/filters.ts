/** Which places are looked at: conditions, as the address writes them and as the server understands them (CQL2). */

import { SENTINEL2, SPOT } from "./stac";

/** The classes of places that can be chosen among. */
export const FACETS = ["source", "ipcc", "split", "lccs", "smod"] as const;
export type Facet = (typeof FACETS)[number];
/** What the catalog calls the items that do not say. */
export const NONE = "null";

export interface Filters extends Record<Facet, readonly string[]> {
  /** Words, looked up by the server. */
  q: string;
  /** First and last day (YYYY-MM-DD) of a Sentinel-2 revisit, either may be empty. */
  from: string;
  to: string;
  /** Most per cent of clouds over the place, and most days from the SPOT image, of a revisit. */
  clouds: number | null;
  delta: number | null;
}

export const NO_FILTERS: Filters = {
  source: [],
  ipcc: [],
  split: [],
  lccs: [],
  smod: [],
  q: "",
  from: "",
  to: "",
  clouds: null,
  delta: null,
};

const NUMBERS: ReadonlySet<Facet> = new Set<Facet>(["lccs", "smod"]);
const DAY = /^\d{4}-\d{2}-\d{2}$/;

function bounded(text: string | null, most: number): number | null {
  const value = text === null || text === "" ? NaN : Number(text);
  return Number.isFinite(value) && value >= 0 && value <= most ? value : null;
}

/** Reads conditions from the fields of an address; what is malformed is left out. */
export function readFilters(fields: URLSearchParams): Filters {
  const day = (name: string): string => (DAY.test(fields.get(name) ?? "") ? (fields.get(name) ?? "") : "");
  const list = (facet: Facet): string[] => {
    const values = (fields.get(facet) ?? "").split(",").filter((value) => value !== "" && value.length <= 64);
    return NUMBERS.has(facet) ? values.filter((value) => value === NONE || /^\d{1,3}$/.test(value)) : values;
  };
  return {
    source: list("source"),
    ipcc: list("ipcc"),
    split: list("split"),
    lccs: list("lccs"),
    smod: list("smod"),
    q: (fields.get("q") ?? "").slice(0, 500),
    from: day("from"),
    to: day("to"),
    clouds: bounded(fields.get("clouds"), 100),
    delta: bounded(fields.get("delta"), 10_000),
  };
}

/** Writes conditions as fields of an address; those that are not set are left out. */
export function writeFilters(filters: Filters): Record<string, string> {
  const fields = Object.entries(filters).map(([name, value]) => [name, value === null ? "" : String(value)]);
  return Object.fromEntries(fields.filter(([, text]) => text !== "")) as Record<string, string>;
}

/** Counts the conditions that are set, words aside. */
export const countFilters = (filters: Filters): number => Object.keys(writeFilters({ ...filters, q: "" })).length;

export const isFiltered = (filters: Filters): boolean => countFilters(filters) > 0 || filters.q !== "";

/** Tells whether conditions are about revisits, so that images are counted rather than places. */
export const aboutRevisits = ({ from, to, clouds, delta }: Filters): boolean =>
  from !== "" || to !== "" || clouds !== null || delta !== null;

const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`;

function among(facet: Facet, values: readonly string[]): string {
  const name = `"worldstrat:${facet}"`;
  const said = values.filter((value) => value !== NONE).map((value) => (NUMBERS.has(facet) ? value : quoted(value)));
  const parts = said.length > 0 ? [`${name} IN (${said.join(", ")})`] : [];
  if (values.includes(NONE)) parts.push(`${name} IS NULL`);
  return parts.length > 1 ? `(${parts.join(" OR ")})` : (parts[0] ?? "");
}

/** Writes the conditions as CQL2 text; empty where there are none. */
export function cql2(filters: Filters): string {
  const parts = FACETS.map((facet) => among(facet, filters[facet]));
  if (filters.clouds !== null) parts.push(`"worldstrat:cloud_cover" <= ${filters.clouds}`);
  if (filters.delta !== null) parts.push(`"worldstrat:delta" BETWEEN ${-filters.delta} AND ${filters.delta}`);
  return parts.filter((part) => part !== "").join(" AND ");
}

/** Writes the interval of revisits as STAC does; null where neither end is set. */
export function interval({ from, to }: Filters): string | null {
  if (from === "" && to === "") return null;
  return `${from === "" ? ".." : `${from}T00:00:00Z`}/${to === "" ? ".." : `${to}T23:59:59Z`}`;
}

/** The collection whose items are counted: SPOT's, one a place, unless the conditions are about revisits. */
export const collectionOf = (filters: Filters): string => (aboutRevisits(filters) ? SENTINEL2 : SPOT);

/** Returns the parameters of a search, a count or a sample. */
export function searchParameters(filters: Filters, collection = collectionOf(filters)): URLSearchParams {
  const query = new URLSearchParams({ collections: collection });
  const [filter, datetime] = [cql2(filters), interval(filters)];
  if (filter !== "") {
    query.set("filter-lang", "cql2-text");
    query.set("filter", filter);
  }
  if (datetime !== null) query.set("datetime", datetime);
  if (filters.q !== "") query.set("q", filters.q);
  return query;
}
