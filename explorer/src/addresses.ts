/** The server's addresses, relative to wherever this page is served: behind a proxy's prefix they keep it. */

import type { Layer } from "./layers";

/** The folder of this page, with its final slash. */
export const root = (): string => new URL(".", document.baseURI).href;

export const searchUrl = (query: string): string => `${root()}stac/search?${query}`;
export const collectionsUrl = (): string => `${root()}stac/collections`;
export const itemUrl = (collection: string, item: string): string =>
  `${root()}stac/collections/${collection}/items/${encodeURIComponent(item)}`;

export const spotId = (aoi: string): string => `${aoi}_SPOT`;
const rasterUrl = (collection: string, item: string): string =>
  `${root()}raster/collections/${collection}/items/${encodeURIComponent(item)}`;

/** Returns the XYZ template of a layer; classes want PNG, which keeps every colour as it is. */
export function tileTemplate(layer: Layer, item: string, format: "png" | "webp"): string {
  const query = `render=${encodeURIComponent(layer.render)}`;
  return `${rasterUrl(layer.collection, item)}/tiles/WebMercatorQuad/{z}/{x}/{y}.${format}?${query}`;
}

export function tilejsonUrl(layer: Layer, item: string): string {
  return `${rasterUrl(layer.collection, item)}/WebMercatorQuad/tilejson.json?render=${encodeURIComponent(layer.render)}`;
}
