import { expect, test } from "vitest";

import { FIRST_VIEW, formatHash, parseHash } from "../src/state";

test("a view survives the address", () => {
  const view = { aoi: "Amnesty-POI-1-1-1", revisit: 7, layer: "sentinel2.ndvi" };
  expect(parseHash(formatHash(view))).toEqual(view);
});

test("an empty or malformed hash is the first view", () => {
  expect(parseHash("")).toEqual(FIRST_VIEW);
  expect(parseHash("#revisit=-3&layer=&aoi=")).toEqual(FIRST_VIEW);
  expect(parseHash("#revisit=two")).toEqual(FIRST_VIEW);
});

test("the world has no hash", () => {
  expect(formatHash({ ...FIRST_VIEW, revisit: 4 })).toBe("");
});
