/** The little of STAC that the page reads. */

export type Bbox = readonly [west: number, south: number, east: number, north: number];

export interface Link {
  rel: string;
  href: string;
  method?: string;
}

export interface Asset {
  href: string;
  title?: string;
  type?: string;
  roles?: string[];
  "file:size"?: number;
  "classification:classes"?: ClassOf[];
}

/** One class of a classified raster. */
export interface ClassOf {
  value: number;
  name: string;
  description?: string;
  color_hint?: string;
}

export interface Item {
  id: string;
  bbox: number[];
  properties: Record<string, unknown>;
  assets?: Record<string, Asset>;
}

export interface ItemPage {
  features: Item[];
  links?: Link[];
  numberMatched?: number;
}

/** A stored way of drawing a collection's items (the render extension). */
export interface Render {
  title?: string;
  assets?: string[];
  colormap_name?: string;
  rescale?: number[][];
  expression?: string;
  bands?: string[];
  colormap?: Record<string, number[]>;
}

export interface Collection {
  id: string;
  renders?: Record<string, Render>;
  item_assets?: Record<string, Partial<Asset>>;
}

export const SPOT = "worldstrat-spot";
export const SENTINEL2 = "worldstrat-sentinel-2-l2a";
