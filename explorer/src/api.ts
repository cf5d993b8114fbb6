/** Asking the server. */

import { collectionsUrl, itemUrl, searchUrl } from "./addresses";
import { pages } from "./paging";
import { PLACE_FIELDS, REVISIT_FIELDS, placeOf, revisitOf, type Place, type Revisit } from "./place";
import { SENTINEL2, SPOT, type Collection, type Item, type ItemPage } from "./stac";

/** The server did not answer, or not with what was asked for; the message is for people. */
export class ServerError extends Error {
  override name = "ServerError";
  constructor(
    message: string,
    readonly status: number | null = null,
  ) {
    super(message);
  }
}

const PAGE_SIZE = 1000;
const MAX_REVISITS = 100;
const LEFT_OUT = ["-geometry", "-assets", "-links"];

async function getJson<T>(url: string, signal?: AbortSignal): Promise<T> {
  let response: Response;
  try {
    response = await fetch(url, { headers: { Accept: "application/geo+json, application/json" }, signal });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ServerError("The server does not answer.");
  }
  const path = new URL(url).pathname;
  if (!response.ok) throw new ServerError(`The server answered ${response.status} to ${path}.`, response.status);
  try {
    return (await response.json()) as T;
  } catch {
    throw new ServerError(`The server's answer to ${path} is not JSON.`, response.status);
  }
}

function query(collection: string, limit: number, fields: string[], filter?: string): string {
  const parameters = { collections: collection, limit: String(limit), fields: ["id", "bbox", ...fields].join(",") };
  const search = new URLSearchParams(parameters);
  if (filter !== undefined) {
    search.set("filter-lang", "cql2-text");
    search.set("filter", filter);
  }
  return search.toString();
}

/** Yields all places of the catalog, page by page. */
export async function* fetchPlaces(): AsyncGenerator<Place[]> {
  const search = query(SPOT, PAGE_SIZE, [...PLACE_FIELDS, ...LEFT_OUT]);
  for await (const page of pages(search, (next) => getJson<ItemPage>(searchUrl(next)))) {
    yield page.features.map(placeOf);
  }
}

/** Returns the Sentinel-2 (L2A) revisits of an AOI, the best first. */
export async function fetchRevisits(aoi: string, signal?: AbortSignal): Promise<Revisit[]> {
  const filter = `worldstrat:aoi = '${aoi.replaceAll("'", "''")}'`;
  const search = query(SENTINEL2, MAX_REVISITS, [...REVISIT_FIELDS, ...LEFT_OUT], filter);
  const page = await getJson<ItemPage>(searchUrl(search), signal);
  return page.features.map(revisitOf).sort((a, b) => a.rank - b.rank);
}

export async function fetchItem(collection: string, id: string, signal?: AbortSignal): Promise<Item> {
  return getJson<Item>(itemUrl(collection, id), signal);
}

export async function fetchCollections(): Promise<Collection[]> {
  return (await getJson<{ collections: Collection[] }>(collectionsUrl())).collections;
}
