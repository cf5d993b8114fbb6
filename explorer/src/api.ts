/** Asking the server. */

import { collectionsUrl, indicesUrl, itemUrl, searchUrl } from "./addresses";
import { root } from "./config";
import type { Index } from "./layers";
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

/** Returns what the server says of an error, where it says it in our way. */
async function reason(response: Response): Promise<string> {
  try {
    const { description } = (await response.json()) as { description?: unknown };
    return typeof description === "string" ? ` ${description}` : "";
  } catch {
    return "";
  }
}

/** Asks for JSON; `body` is posted. */
export async function getJson<T>(url: string, signal?: AbortSignal, body?: unknown): Promise<T> {
  const headers: Record<string, string> = { Accept: "application/geo+json, application/json" };
  const post = { method: "POST", body: JSON.stringify(body), headers: { ...headers, "Content-Type": "application/json" } }; // prettier-ignore
  let response: Response;
  try {
    response = await fetch(url, { ...(body === undefined ? { headers } : post), signal: signal ?? null });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ServerError(`The server at ${root()} does not answer.`);
  }
  const path = new URL(url).pathname;
  if (!response.ok) {
    const { status } = response;
    throw new ServerError(`The server answered ${status} to ${path}.${await reason(response)}`, status);
  }
  try {
    return (await response.json()) as T;
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ServerError(`The server's answer to ${path} is not JSON.`, response.status);
  }
}

/** Tells whether an error only says that the answer is not wanted any more. */
export const isAbort = (error: unknown): boolean => error instanceof DOMException && error.name === "AbortError";

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

/** Returns the indices that Sentinel-2's bands suffice for. */
export async function fetchIndices(): Promise<Index[]> {
  return (await getJson<{ indices: Index[] }>(indicesUrl())).indices;
}
