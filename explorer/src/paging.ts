/** Walking through the pages of a search. */

import type { ItemPage, Link } from "./stac";

/**
 * Returns the query string of the next page, or null on the last one.
 *
 * Only the query is taken: the host and the path stay those that this page reaches the server by, so a proxy
 * that does not say who it is breaks nothing.
 */
export function nextQuery(links: Link[] | undefined): string | null {
  const next = links?.find((link) => link.rel === "next" && (link.method ?? "GET") === "GET");
  if (next === undefined) return null;
  const start = next.href.indexOf("?");
  return start < 0 ? null : next.href.slice(start + 1);
}

/** Yields page after page; `get` asks the server for one, given its query string. */
export async function* pages(query: string, get: (query: string) => Promise<ItemPage>): AsyncGenerator<ItemPage> {
  const seen = new Set<string>();
  for (let next: string | null = query; next !== null && !seen.has(next);) {
    seen.add(next);
    const page = await get(next);
    yield page;
    next = page.features.length > 0 ? nextQuery(page.links) : null;
  }
}
