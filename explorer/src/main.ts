/** The page, as a table of contents. */

import type { Map as MapLibre } from "maplibre-gl";

import { fetchPlaces, ServerError } from "./api";
import { createBar, writeCredits } from "./bar";
import { byId } from "./dom";
import { Finder } from "./finder";
import { Imagery } from "./imagery";
import { LayerPicker } from "./layerpicker";
import { Legend } from "./legend";
import { createMap, showWorld } from "./map";
import { notify, notifyEmpty } from "./notice";
import { Panel } from "./panel";
import type { Place } from "./place";
import { Places } from "./places";
import { RevisitPicker } from "./revisits";
import { ViewState } from "./state";
import "./style.css";
import { Takeaway } from "./takeaway";
import { Visit, type Stage } from "./visit";
import { fetchWorld, type World } from "./world";

async function start(): Promise<void> {
  const state = new ViewState();
  const all = new Map<string, Place>();
  const countries = new Map<string, string | null>();
  let world: World | null = null;

  const choose = (aoi: string): void => state.change({ aoi, revisit: 1 });
  const known = (slug: string): Place | undefined => all.get(slug);
  const country = (place: Place): string | null => {
    if (world !== null && !countries.has(place.slug)) countries.set(place.slug, world.countryAt(place.lon, place.lat));
    return countries.get(place.slug) ?? null;
  };

  const legend = new Legend(() => showPlaces());
  const finder = new Finder(() => [...all.values()], country, choose);
  const report = createBar(finder, legend);

  // Everything is asked for at once; the map is the slowest to be ready.
  let places: Places | null = null;
  const showPlaces = (): void => places?.show([...all.values()].filter((place) => legend.visible(place)));
  const loading = loadPlaces(all, (done) => {
    showPlaces();
    legend.count([...all.values()]);
    report(all.size, done);
  });
  const atlas = fetchWorld();
  const map = await createMap(byId("map"));
  places = new Places(map, choose);
  Object.assign(window, { worldstrat: { map } }); // for the console, and for tests
  showPlaces();
  createVisit(map, places, state, { known, country });
  world = await atlas;
  showWorld(map, world);
  await loading;
}

/** Loads all places, page by page; `arrived` is called after each page, and at the end. */
async function loadPlaces(all: Map<string, Place>, arrived: (done: boolean) => void): Promise<void> {
  try {
    for await (const page of fetchPlaces()) {
      for (const place of page) all.set(place.slug, place);
      arrived(false);
    }
    arrived(true);
    if (all.size === 0) notifyEmpty();
  } catch (error) {
    if (!(error instanceof ServerError)) throw error;
    const retry = { label: "Try again", run: () => void loadPlaces(all, arrived) };
    notify("The places could not be loaded.", error.message, retry);
  }
}

type Lookups = Pick<Stage, "known" | "country">;

/** Puts together what shows one place. */
function createVisit(map: MapLibre, places: Places, state: ViewState, lookups: Lookups): Visit {
  const imagery = new Imagery(map);
  const layerPicker = new LayerPicker(
    (layer) => state.change({ layer }),
    (opacity) => imagery.blend(opacity),
  );
  const revisitPicker = new RevisitPicker((revisit) => state.change({ revisit }));
  const takeaway = new Takeaway();
  const panel = new Panel(layerPicker, revisitPicker, takeaway, () => state.change({ aoi: null }));
  return new Visit({ map, places, imagery, panel, layerPicker, revisitPicker, takeaway, ...lookups }, state);
}

writeCredits();
start().catch((error: unknown) => {
  notify("This page could not start.", error instanceof Error ? error.message : String(error));
  throw error;
});
