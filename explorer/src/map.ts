/** The map itself: the world in calm colours, with nothing fetched from any other host. */

import type { FeatureCollection } from "geojson";
import {
  type GeoJSONSource,
  Map as MapLibre,
  NavigationControl,
  ScaleControl,
  setWorkerUrl,
  type LayerSpecification,
  type StyleSpecification,
} from "maplibre-gl";
import "maplibre-gl/dist/maplibre-gl.css";
import workerUrl from "maplibre-gl/dist/maplibre-gl-worker.mjs?url";

import { basemap } from "./config";
import { notify } from "./notice";
import type { View } from "./state";
import { color, onThemeChange } from "./theme";
import type { World } from "./world";

export const FONT = ["system-ui", "sans-serif"];
const EMPTY: FeatureCollection = { type: "FeatureCollection", features: [] };
/** Antarctica has no places; the poles stretch to infinity here. */
const WORLD_BOUNDS: [number, number, number, number] = [-170, -56, 179, 76];

/** Lines of longitude and latitude every 15 degrees. */
function graticule(): GeoJSON.MultiLineString {
  const steps = (low: number, high: number, step: number): number[] =>
    Array.from({ length: Math.round((high - low) / step) + 1 }, (_, index) => low + index * step);
  const meridians = steps(-180, 180, 15).map((lon) => [[lon, -85], [lon, 85]]); // prettier-ignore
  const parallels = steps(-75, 75, 15).map((lat) => steps(-180, 180, 30).map((lon) => [lon, lat]));
  return { type: "MultiLineString", coordinates: [...meridians, ...parallels] };
}

function layers(): LayerSpecification[] {
  return [
    { id: "sea", type: "background", paint: { "background-color": color("sea") } },
    { id: "graticule", type: "line", source: "graticule", paint: { "line-color": color("graticule") } },
    { id: "land", type: "fill", source: "land", paint: { "fill-color": color("land") } },
    { id: "borders", type: "line", source: "borders", paint: { "line-color": color("border"), "line-width": 0.8 } },
    {
      id: "names",
      type: "symbol",
      source: "names",
      // Large countries first; the small ones when there is room for them.
      filter: [">=", ["get", "area"], ["step", ["zoom"], 300, 2, 120, 3, 25, 4, 4, 5, 0]],
      layout: {
        "text-field": ["get", "name"],
        "text-font": FONT,
        "text-size": ["interpolate", ["linear"], ["zoom"], 1, 10, 6, 14],
        "text-max-width": 7,
        "text-padding": 12,
        "symbol-sort-key": ["-", 0, ["get", "area"]],
      },
      paint: {
        "text-color": color("name"),
        "text-halo-color": color("land"),
        "text-halo-width": 1.2,
        "text-opacity": ["interpolate", ["linear"], ["zoom"], 7, 1, 9, 0],
      },
    },
  ];
}

/** Puts the colours of the current theme on the layers that the theme colours. */
function repaint(map: MapLibre): void {
  if (basemap() !== null) return;
  for (const { id, paint } of layers()) {
    for (const [name, value] of Object.entries(paint ?? {})) map.setPaintProperty(id, name as "fill-color", value);
  }
}

/** Returns our own map, or the one that an operator named: an XYZ template or the address of a style. */
function style(): StyleSpecification | string {
  const named = basemap();
  if (named?.includes("{z}")) {
    const source = { type: "raster" as const, tiles: [named], tileSize: 256 };
    return { version: 8, sources: { named: source }, layers: [{ id: "named", type: "raster", source: "named" }] };
  }
  if (named !== null) return named;
  // The atlas holds no more detail: slicing it for deeper zooms takes seconds and shows nothing.
  const atlas = { type: "geojson" as const, data: EMPTY, maxzoom: 6 };
  return {
    version: 8,
    sources: { graticule: { ...atlas, data: graticule() }, land: atlas, borders: atlas, names: atlas },
    layers: layers(),
  };
}

/** Room that the cards take of the world's map. */
const worldPadding = (): { left: number; right: number; top: number; bottom: number } =>
  innerWidth > 900 ? { left: 360, right: 20, top: 20, bottom: 40 } : { left: 0, right: 0, top: 150, bottom: 60 };

/** Shows the whole world. */
export const showAll = (map: MapLibre): void => {
  map.fitBounds(WORLD_BOUNDS, { padding: worldPadding() });
};

/** Creates the map in the page's main element; resolves when it can take layers. */
export async function createMap(container: HTMLElement, at: View["at"]): Promise<MapLibre> {
  setWorkerUrl(workerUrl);
  const [lon = 0, lat = 0, zoom = 0] = at ?? [];
  const view = at === null ? { bounds: WORLD_BOUNDS, fitBoundsOptions: { padding: worldPadding() } } : { center: [lon, lat] as [number, number], zoom }; // prettier-ignore
  const map = new MapLibre({
    container,
    style: style(),
    ...view,
    minZoom: 0,
    maxZoom: 19,
    maxPitch: 0,
    dragRotate: false,
    renderWorldCopies: false,
    // Ours is the footer; a style of the operator brings its own.
    attributionControl: basemap() === null ? false : { compact: true },
  });
  map.touchZoomRotate.disableRotation();
  map.keyboard.disableRotation();
  map.addControl(new NavigationControl({ showCompass: false }), "bottom-right");
  map.addControl(new ScaleControl({ maxWidth: 90 }), "bottom-right");
  map.getCanvas().setAttribute("role", "application");
  map.getCanvas().setAttribute("aria-label", "Map of the places: arrows move it, plus and minus zoom");
  await map.once("style.load");
  onThemeChange(() => repaint(map));
  map.on("error", ({ error }) => notify("Part of the map could not be loaded.", error.message));
  return map;
}

/** Draws land, borders and names once the atlas is here. */
export function showWorld(map: MapLibre, world: World): void {
  map.getSource<GeoJSONSource>("land")?.setData(world.land);
  map.getSource<GeoJSONSource>("borders")?.setData(world.borders);
  map.getSource<GeoJSONSource>("names")?.setData(world.names);
}
