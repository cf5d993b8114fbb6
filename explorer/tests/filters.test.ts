import { expect, test } from "vitest";

import { aboutRevisits, countFilters, cql2, isFiltered, NO_FILTERS, searchParameters } from "../src/filters";

test("no condition is no filter", () => {
  expect(cql2(NO_FILTERS)).toBe("");
  expect(searchParameters(NO_FILTERS).toString()).toBe("collections=worldstrat-spot");
  expect(isFiltered(NO_FILTERS)).toBe(false);
});

test("classes become CQL2: names in quotes, codes as numbers, what is not said as null", () => {
  const filters = { ...NO_FILTERS, source: ["O'Neill"], split: ["test", "null"], lccs: ["10", "50"] };
  expect(cql2(filters)).toBe(
    `"worldstrat:source" IN ('O''Neill') AND ("worldstrat:split" IN ('test') OR "worldstrat:split" IS NULL) ` +
      `AND "worldstrat:lccs" IN (10, 50)`,
  );
  expect(countFilters(filters)).toBe(3);
});

test("conditions on revisits ask for images, not for places", () => {
  const filters = { ...NO_FILTERS, from: "2019-01-01", clouds: 10, delta: 30, q: "camp" };
  expect(aboutRevisits(filters)).toBe(true);
  expect(Object.fromEntries(searchParameters(filters))).toEqual({
    collections: "worldstrat-sentinel-2-l2a",
    "filter-lang": "cql2-text",
    filter: `"worldstrat:cloud_cover" <= 10 AND "worldstrat:delta" BETWEEN -30 AND 30`,
    datetime: "2019-01-01T00:00:00Z/..",
    q: "camp",
  });
});
