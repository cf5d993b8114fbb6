import { expect, test } from "vitest";

import { nextQuery, pages } from "../src/paging";
import type { ItemPage } from "../src/stac";

const item = (id: string) => ({ id, bbox: [0, 0, 1, 1], properties: {} });

test("only the query of the next link is used", () => {
  const links = [
    { rel: "self", href: "http://inside:8000/search?a=1" },
    { rel: "next", href: "http://inside:8000/search?token=next:x&limit=2" },
  ];
  expect(nextQuery(links)).toBe("token=next:x&limit=2");
  expect(nextQuery([])).toBeNull();
});

test("pages are followed to the last and no further", async () => {
  const answers: Record<string, ItemPage> = {
    "limit=1": { features: [item("a")], links: [{ rel: "next", href: "/search?token=b" }] },
    "token=b": { features: [item("b")], links: [{ rel: "next", href: "/search?token=b" }] },
  };
  const asked: string[] = [];
  const ids: string[] = [];
  const get = async (query: string) => (asked.push(query), answers[query]!);
  for await (const page of pages("limit=1", get)) ids.push(...page.features.map(({ id }) => id));
  expect(ids).toEqual(["a", "b"]);
  expect(asked).toEqual(["limit=1", "token=b"]);
});
