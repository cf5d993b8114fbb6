/** The server's addresses, relative to wherever it is: behind a proxy's prefix they keep it. */

import { root } from "./config";
import type { Layer } from "./layers";
import { SENTINEL2, type Bbox } from "./stac";

const escaped = encodeURIComponent;

export const searchUrl = (query: string): string => `${root()}stac/search?${query}`;
export const sampleUrl = (query: string): string => `${root()}stac/sample?${query}`;
export const aggregateUrl = (query: string): string => `${root()}stac/aggregate?${query}`;
export const collectionsUrl = (): string => `${root()}stac/collections`;
export const itemUrl = (collection: string, item: string): string =>
  `${root()}stac/collections/${collection}/items/${escaped(item)}`;
export const indicesUrl = (): string => `${root()}raster/indices?collection=${SENTINEL2}`;

export const spotId = (aoi: string): string => `${aoi}_SPOT`;

/** The raster endpoints of an item, plain or super-resolved. */
const pictureUrl = (layer: Layer, item: string): string =>
  `${root()}raster/collections/${layer.collection}/items/${escaped(item)}${layer.sensor === "sr" ? "/sr" : ""}`;

/** Returns the XYZ template of a layer; classes want PNG, which keeps every colour as it is. */
export const tileTemplate = (layer: Layer, item: string, format: "png" | "webp"): string =>
  `${pictureUrl(layer, item)}/tiles/WebMercatorQuad/{z}/{x}/{y}.${format}?${layer.query}`;

export const tilejsonUrl = (layer: Layer, item: string): string =>
  `${pictureUrl(layer, item)}/WebMercatorQuad/tilejson.json?${layer.query}`;

export const wmtsUrl = (layer: Layer, item: string): string =>
  `${pictureUrl(layer, item)}/WMTSCapabilities.xml?${layer.query}`;

export const pointUrl = (layer: Layer, item: string, lon: number, lat: number): string =>
  `${pictureUrl(layer, item)}/point/${lon},${lat}?${layer.query}`;

export const statisticsUrl = (layer: Layer, item: string, bins: number): string =>
  `${pictureUrl(layer, item)}/statistics?${layer.query}&histogram_bins=${bins}`;

export const cropUrl = (layer: Layer, item: string, bbox: Bbox, format: "tif" | "png"): string =>
  `${pictureUrl(layer, item)}/bbox/${bbox.map((value) => value.toFixed(6)).join(",")}.${format}?${layer.query}`;

/** The legend of a layer: that of the collection, except for what only super-resolution paints. */
export const legendUrl = (layer: Layer): string =>
  `${root()}raster/collections/${layer.collection}/legend.json?${layer.query}`;

export const thumbnailUrl = (collection: string, item: string, side: number): string =>
  `${root()}raster/collections/${collection}/items/${escaped(item)}/preview/${side}x${side}.webp?render=true-color`;

export const srItemUrl = (item: string): string =>
  `${root()}raster/collections/${SENTINEL2}/items/${escaped(item)}/sr/item`;

/** Values of one index over all revisits of a place. */
export const seriesUrl = (aoi: string, query: string): string =>
  `${root()}raster/collections/${SENTINEL2}/aois/${escaped(aoi)}/timeseries?${query}`;
