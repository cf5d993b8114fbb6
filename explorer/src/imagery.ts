/** The imagery of the chosen place: SPOT over Sentinel-2, inside the place's outline. */

import type { GeoJSONSource, Map as MapLibre, RasterSourceSpecification } from "maplibre-gl";

import { tileTemplate } from "./addresses";
import type { Layer } from "./layers";
import type { Place } from "./place";
import { outline } from "./places";
import { color, onThemeChange } from "./theme";

/** Zooms beyond which a sensor's tiles hold no more detail: 1.5 m and 10 m. */
const MAX_ZOOM = { spot: 17, sentinel2: 14 } as const;
/** Below it a place is a few pixels wide. */
const MIN_ZOOM = 11;
const SLOTS = ["below", "above"] as const;
type Slot = (typeof SLOTS)[number];

/** One layer of one item. */
export interface Picture {
  layer: Layer;
  /** Id of the item. */
  item: string;
}

/** What is shown of a place. */
export interface Look {
  place: Place;
  /** Drawn under `above`, so that there is something at once, and to compare with; null for nothing. */
  below: Picture | null;
  above: Picture;
  /** Opacity of `above`, 0 to 1. */
  blend: number;
}

function source({ bbox }: Place, { layer, item }: Picture): RasterSourceSpecification {
  return {
    type: "raster",
    tiles: [tileTemplate(layer, item, layer.classes.length > 0 ? "png" : "webp")],
    tileSize: 256,
    bounds: [...bbox],
    minzoom: MIN_ZOOM,
    maxzoom: MAX_ZOOM[layer.sensor],
  };
}

/** The raster layers and the outline of one place at a time. */
export class Imagery {
  private readonly shown: Partial<Record<Slot, string>> = {};

  constructor(private readonly map: MapLibre) {
    map.addSource("chosen", { type: "geojson", data: { type: "FeatureCollection", features: [] } });
    map.addLayer({
      id: "chosen",
      type: "line",
      source: "chosen",
      paint: { "line-color": color("chosen"), "line-width": 2, "line-opacity": 0.9 },
    });
    onThemeChange(() => map.setPaintProperty("chosen", "line-color", color("chosen")));
  }

  show(look: Look): void {
    this.map.getSource<GeoJSONSource>("chosen")?.setData(outline(look.place));
    this.put("below", look.place, look.below);
    this.put("above", look.place, look.above);
    this.blend(look.blend);
  }

  blend(opacity: number): void {
    if (this.map.getLayer("above")) this.map.setPaintProperty("above", "raster-opacity", opacity);
  }

  clear(): void {
    this.map.getSource<GeoJSONSource>("chosen")?.setData({ type: "FeatureCollection", features: [] });
    for (const slot of SLOTS) this.remove(slot);
  }

  /** Replaces what a slot shows, unless it shows that already. */
  private put(slot: Slot, place: Place, picture: Picture | null): void {
    const wanted = picture === null ? null : source(place, picture);
    const key = JSON.stringify(wanted);
    if (this.shown[slot] === key) return;
    this.remove(slot);
    if (wanted === null || picture === null) return;
    this.shown[slot] = key;
    this.map.addSource(slot, wanted);
    const over = slot === "below" && this.map.getLayer("above") ? "above" : "chosen";
    const resampling = picture.layer.classes.length > 0 ? "nearest" : "linear";
    const paint = { "raster-fade-duration": 150, "raster-resampling": resampling } as const;
    this.map.addLayer({ id: slot, type: "raster", source: slot, paint }, over);
  }

  private remove(slot: Slot): void {
    delete this.shown[slot];
    if (this.map.getLayer(slot)) this.map.removeLayer(slot);
    if (this.map.getSource(slot)) this.map.removeSource(slot);
  }
}
