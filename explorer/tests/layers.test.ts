import { expect, test } from "vitest";

import { isDrawable, isSynthetic, Pictures } from "../src/layers";
import { SENTINEL2, SPOT } from "../src/stac";

const pictures = new Pictures(
  [
    {
      id: SENTINEL2,
      renders: {
        scl: { colormap: { 1: [255, 0, 0] }, assets: ["scl"] },
        ndvi: { title: "NDVI: how green", expression: "(nir-red)/(nir+red)", assets: ["data"] },
        "true-color": { title: "True colour", assets: ["data"] },
      },
    },
    { id: SPOT, renders: { pan: {}, "true-color": { title: "True colour", assets: ["ps"] } } },
  ],
  [
    { name: "EVI", long_name: "Enhanced", domain: "vegetation", bands: ["nir"], collections: { [SENTINEL2]: { expression: "nir" }, [SPOT]: { expression: "nir" } } },
    { name: "NBR", long_name: "Burn", domain: "burn", bands: ["swir22"], collections: { [SENTINEL2]: { expression: "swir22" } } },
  ],
); // prettier-ignore
const names = (sensor: "sentinel2" | "sr" | "spot"): string[] => pictures.choices(sensor).map(({ name }) => name);

test("true colour comes first, and each sensor offers what its bands suffice for", () => {
  expect(names("sentinel2").slice(0, 3)).toEqual(["true-color", "ndvi", "scl"]);
  expect(names("sentinel2")).toContain("index-NBR");
  expect(names("spot")).toEqual(["true-color", "pan", "index-EVI"]);
  expect(names("sr")).not.toContain("scl");
  expect(names("sr")).not.toContain("index-NBR");
  expect(names("sr")).toEqual(expect.arrayContaining(["difference", "uncertainty", "index-EVI"]));
});

test("every choice is a layer, and nothing else is", () => {
  for (const sensor of ["sentinel2", "sr", "spot"] as const)
    for (const name of names(sensor)) expect(pictures.layer(`${sensor}.${name}`)?.id).toBe(`${sensor}.${name}`);
  for (const id of [
    "",
    "spot",
    "spot.scl",
    "sr.scl",
    "spot.index-NBR",
    "radar.true-color",
    "spot.bands-B04-B03-B02",
    "sr.constructor",
    "spot.toString",
  ])
    expect(pictures.layer(id)).toBeNull();
});

test("a layer knows what to ask for", () => {
  expect(pictures.layer("sr.uncertainty")?.query).toBe("layer=uncertainty&render=uncertainty");
  expect(pictures.layer("sentinel2.bands-B12-B08-B04")?.query).toBe("bands=B12,B08,B04&rescale=0,0.4");
  expect(pictures.layer("sentinel2.ndvi")).toMatchObject({ title: "NDVI", expression: "(nir-red)/(nir+red)" });
});

test("what a model makes is synthetic, interpolation is not", () => {
  expect(["sr.true-color", "sr.difference", "sr.bicubic", "spot.pan"].map((id) => isSynthetic(pictures.layer(id)!))).toEqual([true, true, false, false]); // prettier-ignore
});

test("an item without a layer's assets cannot be drawn", () => {
  const layer = pictures.layer("sentinel2.scl")!;
  const item = { id: "a", bbox: [], properties: {}, assets: { data: { href: "x" } } };
  expect(isDrawable(layer, item)).toBe(false);
  expect(isDrawable(layer, null)).toBe(false);
  expect(isDrawable(pictures.layer("sentinel2.ndvi")!, item)).toBe(true);
});
