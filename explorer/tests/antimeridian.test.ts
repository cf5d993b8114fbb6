import { expect, test } from "vitest";

import { unwrapRing } from "../src/antimeridian";

test("a ring across 180 degrees runs on instead of jumping back", () => {
  const ring = [[170, 60], [-170, 60], [-170, 70], [170, 70], [170, 60]]; // prettier-ignore
  expect(unwrapRing(ring).map(([lon]) => lon)).toEqual([170, 190, 190, 170, 170]);
});

test("a ring around a pole is closed along the pole", () => {
  const ring = [[-120, -70], [0, -70], [120, -70], [-120, -70]]; // prettier-ignore
  expect(unwrapRing(ring).slice(3)).toEqual([[240, -70], [240, -90], [-120, -90], [-120, -70]]); // prettier-ignore
});
