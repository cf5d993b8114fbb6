/** The map with everything on it: the part of the page that is loaded after its words. */

import type { Map as MapLibre } from "maplibre-gl";

import { byId } from "./dom";
import { createMap, showAll, showWorld } from "./map";
import type { Place } from "./place";
import { Places } from "./places";
import type { View, ViewState } from "./state";
import { fetchWorld, type World } from "./world";

/** Beyond this zoom the coarse atlas shows its corners. */
const FINE_ZOOM = 3.2;

/** What the rest of the page gets of the map. */
export interface Scene {
  map: MapLibre;
  show: (places: Place[]) => void;
  country: (place: Place) => string | null;
}

/** Remembers countries of places; a finer atlas knows better. */
function lookup(world: () => World | null): (place: Place) => string | null {
  const found = new Map<string, string | null>();
  let asked: World | null = null;
  return (place) => {
    const now = world();
    if (now !== asked) found.clear();
    asked = now;
    if (now !== null && !found.has(place.slug)) found.set(place.slug, now.countryAt(place.lon, place.lat));
    return found.get(place.slug) ?? null;
  };
}

/** Keeps the world's view in the address. */
function remember(map: MapLibre, state: ViewState): void {
  map.on("moveend", (event) => {
    // Only what a person did: flights of our own follow the address anyway.
    if (state.current.aoi !== null || event.originalEvent === undefined) return;
    const { lng, lat } = map.getCenter();
    state.change({ at: [lng, lat, map.getZoom()] });
  });
}

function goTo(map: MapLibre, at: View["at"]): void {
  if (at === null) return showAll(map);
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  map.easeTo({ center: [at[0], at[1]], zoom: at[2], duration: still ? 0 : 800 });
}

export async function createScene(state: ViewState, known: (slug: string) => Place | undefined): Promise<Scene> {
  let world: World | null = null;
  const country = lookup(() => world);
  const coarse = fetchWorld("coarse");
  const map = await createMap(byId("map"), state.current.at);
  Object.assign(window, { worldstrat: { map } }); // for the console, and for tests
  const draw = async (loading: Promise<World>): Promise<void> => {
    world = await loading;
    showWorld(map, world);
  };
  const drawn = draw(coarse);
  let fine = false;
  const refine = (): void => {
    if (fine || map.getZoom() < FINE_ZOOM) return;
    fine = true;
    void drawn.then(() => draw(fetchWorld("fine")));
  };
  map.on("zoomend", refine);
  refine();
  remember(map, state);
  const places = new Places(map, (aoi) => state.change({ aoi, revisit: 1 }));
  places.colorBy(state.current.scheme);
  state.onChange((view, before) => {
    if (view.scheme !== before.scheme) places.colorBy(view.scheme);
    if (view.aoi === null && before.aoi === null && view.at === null && before.at !== null) goTo(map, null);
  });
  await visitWhenAsked(state, () => ({ map, places, known, country, home: () => goTo(map, state.current.at) }));
  return { map, show: (shown) => places.show(shown), country };
}

type Around = ConstructorParameters<typeof import("./visit").Visit>[0];

/** Loads what shows a place when the first one is opened. */
async function visitWhenAsked(state: ViewState, around: () => Around): Promise<void> {
  let loading: Promise<unknown> | null = null;
  const open = async (view: View): Promise<void> => {
    if (view.aoi === null || loading !== null) return;
    loading = import("./visit").then(({ Visit }) => new Visit(around(), state));
    await loading;
  };
  state.onChange((view) => void open(view));
  await open(state.current);
}
