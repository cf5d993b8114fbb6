/** One side of the swipe: the imagery of the chosen place on one map, what veils it, and what is measured. */

import type { Feature, FeatureCollection, Geometry } from "geojson";
import type { GeoJSONSource, LayerSpecification, Map as MapLibre, RasterSourceSpecification } from "maplibre-gl";

import type { Place } from "./place";
import { outline } from "./places";
import type { Position } from "./state";
import { color, onThemeChange } from "./theme";

/** Below it a place is a few pixels wide. */
const MIN_ZOOM = 11;
const EMPTY: FeatureCollection = { type: "FeatureCollection", features: [] };
type Slot = "picture" | "veil";

/** A raster as a map draws it. */
export interface Raster {
  tiles: string;
  /** Zoom beyond which its tiles hold no more detail. */
  maxzoom: number;
  /** Whether pixels stay sharp, as classes must. */
  sharp: boolean;
  opacity: number;
}

/** Returns a point, a line or a polygon of what is measured. */
export function geometryOf(shape: readonly Position[], closed = true): Geometry | null {
  const positions = shape.map((position) => [...position]);
  const [first] = positions;
  if (first === undefined) return null;
  if (positions.length === 1) return { type: "Point", coordinates: first };
  if (!closed || positions.length === 2) return { type: "LineString", coordinates: positions };
  return { type: "Polygon", coordinates: [[...positions, first]] };
}

function layers(): LayerSpecification[] {
  const line = { "line-color": color("chosen"), "line-width": 2, "line-opacity": 0.9 };
  const mark = color("mark");
  return [
    { id: "plate", type: "fill", source: "chosen", paint: { "fill-color": color("land") } },
    { id: "chosen", type: "line", source: "chosen", paint: line },
    { id: "shape-line", type: "line", source: "shape", paint: { "line-color": mark, "line-width": 2.5 } },
    {
      id: "shape-points",
      type: "circle",
      source: "shape",
      paint: {
        "circle-color": mark,
        "circle-radius": 5,
        "circle-stroke-color": color("halo"),
        "circle-stroke-width": 2,
      },
    },
  ];
}

export class Side {
  private readonly shown: Partial<Record<Slot, string>> = {};

  constructor(private readonly map: MapLibre) {
    map.addSource("chosen", { type: "geojson", data: EMPTY });
    map.addSource("shape", { type: "geojson", data: EMPTY });
    for (const layer of layers()) map.addLayer(layer);
    onThemeChange(() => {
      for (const { id, paint } of layers())
        for (const [name, value] of Object.entries(paint ?? {})) map.setPaintProperty(id, name as "fill-color", value);
    });
  }

  /** Shows a place's outline, imagery and veil; null takes each away. */
  show(place: Place | null, picture: Raster | null, veil: Raster | null): void {
    this.data("chosen", place === null ? EMPTY : outline(place));
    this.put("picture", place, picture);
    this.put("veil", place, veil);
  }

  /** Draws what is measured, or is being drawn. */
  measure(shape: readonly Position[], closed: boolean): void {
    const geometry = geometryOf(shape, closed);
    const feature: Feature | null = geometry && { type: "Feature", geometry, properties: {} };
    this.data("shape", feature ?? EMPTY);
  }

  private data(source: string, data: Feature | FeatureCollection): void {
    this.map.getSource<GeoJSONSource>(source)?.setData(data);
  }

  /** Replaces what a slot shows, unless it shows that already. */
  private put(slot: Slot, place: Place | null, raster: Raster | null): void {
    const key = JSON.stringify([place?.slug, raster]);
    if (this.shown[slot] === key) return;
    this.remove(slot);
    this.shown[slot] = key;
    if (raster === null || place === null) return;
    const source: RasterSourceSpecification = {
      type: "raster",
      tiles: [raster.tiles],
      tileSize: 256,
      bounds: [...place.bbox],
      minzoom: MIN_ZOOM,
      maxzoom: raster.maxzoom,
    };
    this.map.addSource(slot, source);
    const over = slot === "picture" && this.map.getLayer("veil") ? "veil" : "chosen";
    const paint = {
      "raster-fade-duration": 150,
      "raster-resampling": raster.sharp ? "nearest" : "linear",
      "raster-opacity": raster.opacity,
    } as const;
    this.map.addLayer({ id: slot, type: "raster", source: slot, paint }, over);
  }

  private remove(slot: Slot): void {
    delete this.shown[slot];
    if (this.map.getLayer(slot)) this.map.removeLayer(slot);
    if (this.map.getSource(slot)) this.map.removeSource(slot);
  }
}
