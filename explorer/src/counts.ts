/** How many places and images match, counted by the server's aggregation. */

import { aggregateUrl, sampleUrl } from "./addresses";
import { getJson } from "./api";
import { collectionOf, FACETS, searchParameters, type Facet, type Filters } from "./filters";
import { SENTINEL2, SPOT, type Item } from "./stac";

export interface Bucket {
  key: string;
  frequency: number;
}

interface Aggregations {
  aggregations: { name: string; value?: number; buckets?: Bucket[] }[];
}

/** Most places that one answer names: more than the dataset has. */
const MOST_PLACES = 5000;

/** Counts items by the named aggregations; returns buckets by name, and the total. */
export async function aggregate(
  filters: Filters,
  names: string[],
  collection = collectionOf(filters),
  signal?: AbortSignal,
): Promise<{ total: number; buckets: Map<string, Bucket[]> }> {
  const query = searchParameters(filters, collection);
  query.set("aggregations", ["total_count", ...names].join(","));
  const { aggregations } = await getJson<Aggregations>(aggregateUrl(query.toString()), signal);
  const total = aggregations.find(({ name }) => name === "total_count")?.value ?? 0;
  return { total, buckets: new Map(aggregations.map(({ name, buckets = [] }) => [name, buckets])) };
}

/** Counts by each class. A class's own choice does not narrow its own counts: they say what choosing more would add. */
export async function facetCounts(filters: Filters, signal?: AbortSignal): Promise<Record<Facet, Bucket[]>> {
  const chosen = FACETS.filter((facet) => filters[facet].length > 0);
  const others = FACETS.filter((facet) => !chosen.includes(facet)).map((facet) => `${facet}_frequency`);
  const collection = collectionOf(filters);
  const answers = await Promise.all([
    aggregate(filters, others, collection, signal),
    ...chosen.map((facet) => aggregate({ ...filters, [facet]: [] }, [`${facet}_frequency`], collection, signal)),
  ]);
  const all = new Map(answers.flatMap(({ buckets }) => [...buckets]));
  return Object.fromEntries(FACETS.map((facet) => [facet, all.get(`${facet}_frequency`) ?? []])) as unknown as Record<
    Facet,
    Bucket[]
  >;
}

/** Returns how many Sentinel-2 images match. */
export async function countImages(filters: Filters, signal?: AbortSignal): Promise<number> {
  return (await aggregate(filters, [], SENTINEL2, signal)).total;
}

/** Returns the slugs of the places that match: a sample of one item of each, large enough to be all. */
export async function matchingPlaces(filters: Filters, signal?: AbortSignal): Promise<Set<string>> {
  const query = searchParameters(filters);
  query.set("fields", "id,-links");
  query.set("leaks", "include");
  query.set("limit", String(MOST_PLACES));
  const { features } = await getJson<{ features: Item[] }>(sampleUrl(query.toString()), signal);
  return new Set(features.map(({ id }) => id.replace(collectionOf(filters) === SPOT ? /_SPOT$/ : /_L\d\w_\d+$/, "")));
}

/** Adds a condition of its own to a count: how many images lie between `low` (inclusive) and `high` days of SPOT's. */
export async function countDelta(filters: Filters, low: number, high: number): Promise<number> {
  const query = searchParameters(filters, SENTINEL2);
  const own = `"worldstrat:delta" >= ${low} AND "worldstrat:delta" < ${high}`;
  query.set("filter-lang", "cql2-text");
  query.set("filter", [query.get("filter"), own].filter(Boolean).join(" AND "));
  query.set("aggregations", "total_count");
  const { aggregations } = await getJson<Aggregations>(aggregateUrl(query.toString()));
  return aggregations[0]?.value ?? 0;
}
