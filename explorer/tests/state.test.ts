import { expect, test } from "vitest";

import { NO_FILTERS } from "../src/filters";
import { FIRST_VIEW, formatHash, parseHash, ViewState, type View } from "../src/state";

const everything: View = {
  filters: { ...NO_FILTERS, source: ["UNHCR"], split: ["test", "null"], lccs: ["10"], q: "refugee camp", clouds: 20 },
  scheme: "ipcc",
  charts: true,
  at: [12.5, -3.25, 4.5],
  aoi: "Amnesty-POI-1-1-1",
  revisit: 7,
  left: "sentinel2.bands-B12-B08-B04",
  right: "sr.index-EVI",
  swipe: 40,
  overlay: "scl",
  tab: "measure",
  shape: [[1.5, 2.5], [1.6, 2.5], [1.6, 2.6]], // prettier-ignore
};

test("a view survives the address", () => {
  expect(parseHash(formatHash(everything))).toEqual(everything);
});

test("an empty or malformed hash is the first view", () => {
  expect(parseHash("")).toEqual(FIRST_VIEW);
  expect(parseHash("#revisit=-3&left=&aoi=&overlay=x&tab=y&color=z&swipe=101&clouds=a&lccs=b")).toEqual(FIRST_VIEW);
  expect(parseHash("#at=1,2&shape=1,2,3&from=yesterday&delta=-1")).toEqual(FIRST_VIEW);
  expect(parseHash("#shape=1,2,3,4&at=1,2,x")).toEqual(FIRST_VIEW);
});

test("the world has no hash, and forgets what belongs to a place", () => {
  expect(formatHash({ ...FIRST_VIEW, revisit: 4, left: "spot.pan", shape: [[1, 2]] })).toBe("");
});

/** A window with a history that can be walked. */
function windowOf(hash: string) {
  const steps = [hash];
  let listener = (): void => {};
  const location = { hash, pathname: "/", search: "" };
  const go = (address: string): void => void (location.hash = address.startsWith("#") ? address : "");
  return {
    location,
    steps,
    history: {
      pushState: (_: unknown, __: string, address: string) => (steps.push(address), go(address)),
      replaceState: (_: unknown, __: string, address: string) => (steps.splice(-1, 1, address), go(address)),
    },
    addEventListener: (_: string, called: () => void) => (listener = called),
    back: () => (steps.pop(), go(steps.at(-1) ?? ""), listener()),
  };
}

test("places, filters and charts are steps of the history; the rest is not", () => {
  const place = windowOf("");
  const state = new ViewState(place as unknown as Window);
  const seen: View[] = [];
  state.onChange((view) => seen.push(view));

  state.change({ filters: { ...NO_FILTERS, source: ["UNHCR"] } });
  state.change({ at: [1, 2, 3] });
  state.change({ aoi: "A" });
  state.change({ revisit: 3 });
  expect(place.steps).toHaveLength(3);

  const { filters } = state.current;
  place.back();
  expect(state.current).toMatchObject({ aoi: null, at: [1, 2, 3] });
  expect(state.current.filters).toBe(filters); // equal conditions are not asked for again
  place.back();
  expect(state.current).toEqual(FIRST_VIEW);
  expect(seen).toHaveLength(6);
});
