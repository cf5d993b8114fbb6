/** The two sides of the swipe: the main map, and a second one above it that shows what is right of the handle. */

import { Map as MapLibre } from "maplibre-gl";

import { tileTemplate } from "./addresses";
import { byId } from "./dom";
import type { Layer } from "./layers";
import type { Place } from "./place";
import { Side, type Raster } from "./side";
import type { Overlay, Position } from "./state";

/** Zooms beyond which a sensor's tiles hold no more detail: 10 m, 2.5 m and 1.5 m. */
const MAX_ZOOM = { sentinel2: 14, sr: 16, spot: 17 } as const;
/** Clouds of the published mask in a colour that no land has. */
const CLOUD_COLORS = JSON.stringify({ 1: [255, 80, 190, 255] });

/** One layer of one item. */
export interface Picture {
  layer: Layer;
  /** Id of the item. */
  item: string;
}

/** What is shown of a place. */
export interface Look {
  place: Place;
  left: Picture;
  right: Picture;
  /** A mask or classes of the chosen revisit above both, where it has them. */
  veil: { overlay: Exclude<Overlay, "none">; collection: string; item: string } | null;
}

function raster({ layer, item }: Picture): Raster {
  const tiles = tileTemplate(layer, item, layer.classes ? "png" : "webp");
  return { tiles, maxzoom: MAX_ZOOM[layer.sensor], sharp: layer.classes, opacity: 1 };
}

function veilRaster({ veil }: Look): Raster | null {
  if (veil === null) return null;
  const { overlay, collection, item } = veil;
  const query = overlay === "scl" ? "render=scl" : `bands=clm&colormap=${encodeURIComponent(CLOUD_COLORS)}`;
  const layer = { collection, sensor: "sentinel2", query } as Layer;
  return { tiles: tileTemplate(layer, item, "png"), maxzoom: MAX_ZOOM.sentinel2, sharp: true, opacity: 0.55 };
}

/** Waits for a map that follows another one and that nobody touches. */
async function follower(map: MapLibre, container: HTMLElement): Promise<MapLibre> {
  const over = new MapLibre({
    container,
    style: { version: 8, sources: {}, layers: [] },
    center: map.getCenter(),
    zoom: map.getZoom(),
    maxZoom: map.getMaxZoom(),
    renderWorldCopies: false,
    interactive: false,
    attributionControl: false,
  });
  over.getCanvas().setAttribute("aria-hidden", "true");
  over.getCanvas().tabIndex = -1;
  map.on("move", () => over.jumpTo({ center: map.getCenter(), zoom: map.getZoom() }));
  await over.once("style.load");
  return over;
}

export class Imagery {
  private readonly left: Side;
  private right: Promise<Side> | null = null;
  private readonly container = byId("over");

  constructor(private readonly map: MapLibre) {
    this.left = new Side(map);
  }

  /** The right side; its map is made when the first place is opened. */
  private rightSide(): Promise<Side> {
    return (this.right ??= follower(this.map, this.container).then((over) => {
      Object.assign(window, { worldstrat: { map: this.map, over } });
      return new Side(over);
    }));
  }

  async show(look: Look): Promise<void> {
    const veil = veilRaster(look);
    this.left.show(look.place, raster(look.left), veil);
    this.container.hidden = false;
    const right = await this.rightSide();
    right.show(look.place, raster(look.right), veil);
  }

  async measure(shape: readonly Position[], closed = true): Promise<void> {
    this.left.measure(shape, closed);
    if (this.right !== null) (await this.right).measure(shape, closed);
  }

  /** Lets the right side begin at a share of the width. */
  clip(percent: number): void {
    this.container.style.clipPath = `inset(0 0 0 ${percent}%)`;
  }

  async clear(): Promise<void> {
    this.left.show(null, null, null);
    this.left.measure([], true);
    this.container.hidden = true;
    if (this.right === null) return;
    const right = await this.right;
    right.show(null, null, null);
    right.measure([], true);
  }
}
