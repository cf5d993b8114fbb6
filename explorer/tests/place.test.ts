import { expect, test } from "vitest";

import { flatBbox, placeOf, revisitOf } from "../src/place";

test("a SPOT item becomes a place, with its contradiction", () => {
  const place = placeOf({
    id: "Amnesty-POI-1-1-1_SPOT",
    bbox: [10, 20, 12, 24],
    properties: {
      "worldstrat:aoi": "Amnesty POI-1-1-1",
      "worldstrat:source": "Amnesty",
      "worldstrat:split": null,
      "worldstrat:splits": ["train", "val"],
      "worldstrat:split_conflict": true,
      "worldstrat:spot_date": "2017-11-01",
    },
  });
  expect(place).toMatchObject({ slug: "Amnesty-POI-1-1-1", name: "Amnesty POI-1-1-1", lon: 11, lat: 22 });
  expect(place).toMatchObject({ split: null, conflict: ["train", "val"], ipcc: null, date: "2017-11-01" });
});

test("a bounding box with heights is flattened", () => {
  expect(flatBbox([1, 2, 0, 3, 4, 9])).toEqual([1, 2, 3, 4]);
});

test("a revisit takes its rank from its id where the property is missing", () => {
  const revisit = revisitOf({ id: "UNHCR-1_L2A_07", bbox: [], properties: { datetime: "2019-02-03T00:00:00Z" } });
  expect(revisit).toEqual({
    id: "UNHCR-1_L2A_07",
    rank: 7,
    date: "2019-02-03",
    clouds: null,
    imageClouds: null,
    delta: null,
  });
});
