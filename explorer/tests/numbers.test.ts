import { expect, test } from "vitest";

import { byMonth } from "../src/charts";
import { short } from "../src/chart";
import { serverAddress } from "../src/config";
import { geometryOf } from "../src/side";
import { pythonExpression } from "../src/snippet";
import { cropBounds } from "../src/takeaway";
import { chronological } from "../src/timeline";

test("an expression becomes Python over the bands that it takes", () => {
  const rename = (band: string): string => ({ nir: "B08", red: "B04" })[band] ?? band;
  expect(pythonExpression("sqrt((nir - red) / (nir + 0.5 * red))", rename)).toEqual({
    code: "np.sqrt((pixels.B08 - pixels.B04) / (pixels.B08 + 0.5 * pixels.B04))",
    bands: ["B08", "B04"],
  });
});

test("a crop is what is in view of the place, a polygon's bounds, or the whole place", () => {
  const place = [0, 0, 10, 10] as const;
  expect(cropBounds(place, [5, 5, 20, 20], [])).toEqual([5, 5, 10, 10]);
  expect(cropBounds(place, [5, 5, 20, 20], [[1, 1], [2, 1], [2, 3]])).toEqual([1, 1, 2, 3]); // prettier-ignore
  expect(cropBounds(place, [20, 20, 30, 30], [])).toEqual(place);
});

test("shapes are points, lines while they grow, and closed polygons", () => {
  const corners = [[0, 0], [1, 0], [1, 1]] as const; // prettier-ignore
  expect(geometryOf([])).toBeNull();
  expect(geometryOf(corners.slice(0, 1))?.type).toBe("Point");
  expect(geometryOf(corners, false)?.type).toBe("LineString");
  expect(geometryOf(corners)).toEqual({ type: "Polygon", coordinates: [[[0, 0], [1, 0], [1, 1], [0, 0]]] }); // prettier-ignore
});

test("revisits stand in the order of their days", () => {
  const revisit = (rank: number, date: string | null) => ({ id: "", rank, date, clouds: null, imageClouds: null, delta: null }); // prettier-ignore
  const order = chronological([revisit(1, null), revisit(2, "2020-01-01"), revisit(3, "2019-01-01")]);
  expect(order.map(({ rank }) => rank)).toEqual([3, 2, 1]);
});

test("months without images are in the chart, and years are their sums", () => {
  const { months, years } = byMonth([
    { key: "2019-12-01T00:00:00Z", frequency: 2 },
    { key: "2020-02-01T00:00:00Z", frequency: 3 },
    { key: "null", frequency: 9 },
  ]);
  expect(months).toHaveLength(24);
  expect(years).toEqual([
    { label: "2019", value: 2 },
    { label: "2020", value: 3 },
  ]);
});

test("only http addresses are servers", () => {
  expect(serverAddress("https://a.org/prefix?x#y", "http://here/")).toBe("https://a.org/prefix/");
  expect(serverAddress("other/", "http://here/page/")).toBe("http://here/page/other/");
  expect(serverAddress("javascript:alert(1)", "http://here/")).toBeNull();
});

test("numbers are written shortly", () => {
  expect([0, 0.47516, 1234.56, 0.00042].map(short)).toEqual(["0", "0.475", "1,234.6", "4.2e-4"]);
});
