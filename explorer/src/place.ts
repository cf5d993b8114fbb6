/** A place (AOI) and its revisits, as the page knows them, made of STAC items. */

import type { Bbox, Item } from "./stac";

export interface Place {
  /** The AOI's name as ids write it. */
  slug: string;
  name: string;
  source: string;
  bbox: Bbox;
  lon: number;
  lat: number;
  /** Labels of land use (IPCC), land cover (LCCS) and settlement (SMOD); null where the tables have none. */
  ipcc: string | null;
  lccs: string | null;
  smod: string | null;
  /** Codes of LCCS and SMOD, as text. */
  lccsCode: string | null;
  smodCode: string | null;
  split: string | null;
  /** The splits that the published table lists, where they contradict each other. */
  conflict: string[];
  /** Day of the SPOT image, YYYY-MM-DD. */
  date: string | null;
  productId: string | null;
}

export interface Revisit {
  id: string;
  /** Rank, 1 is the best. */
  rank: number;
  date: string | null;
  /** Percent of the place under clouds, or null where nobody looked. */
  clouds: number | null;
  /** Percent of the whole Sentinel-2 image under clouds. */
  imageClouds: number | null;
  /** Days after (or before) the SPOT image. */
  delta: number | null;
}

/** The properties that make a Place: what a search has to return. */
export const PLACE_FIELDS = [
  "aoi",
  "source",
  "ipcc",
  "lccs",
  "lccs_label",
  "smod",
  "smod_label",
  "split",
  "splits",
  "split_conflict",
  "spot_date",
  "product_id",
].map((name) => `properties.worldstrat:${name}`);

export const REVISIT_FIELDS = [
  "properties.datetime",
  "properties.eo:cloud_cover",
  "properties.worldstrat:cloud_cover",
  "properties.worldstrat:revisit",
  "properties.worldstrat:delta",
];

const text = (value: unknown): string | null => (typeof value === "string" && value !== "" ? value : null);
const number = (value: unknown): number | null => (typeof value === "number" && Number.isFinite(value) ? value : null);

const code = (value: unknown): string | null => (typeof value === "number" ? String(value) : null);

/** Returns the corners of an item's bounding box, whether it has heights or not. */
export function flatBbox(bbox: number[]): Bbox {
  const half = bbox.length / 2;
  const [west = 0, south = 0] = bbox;
  return [west, south, bbox[half] ?? west, bbox[half + 1] ?? south];
}

/** Returns the place that a SPOT item shows. */
export function placeOf(item: Item): Place {
  const of = (name: string): unknown => item.properties[`worldstrat:${name}`];
  const slug = item.id.replace(/_SPOT$/, "");
  const bbox = flatBbox(item.bbox);
  const splits = of("splits");
  return {
    slug,
    name: text(of("aoi")) ?? slug,
    source: text(of("source")) ?? "Other",
    bbox,
    lon: (bbox[0] + bbox[2]) / 2,
    lat: (bbox[1] + bbox[3]) / 2,
    ipcc: text(of("ipcc")),
    lccs: text(of("lccs_label")),
    smod: text(of("smod_label")),
    lccsCode: code(of("lccs")),
    smodCode: code(of("smod")),
    split: text(of("split")),
    conflict: of("split_conflict") === true && Array.isArray(splits) ? splits.map(String) : [],
    date: text(of("spot_date"))?.slice(0, 10) ?? null,
    productId: text(of("product_id")),
  };
}

/** Returns the revisit that a Sentinel-2 item is. */
export function revisitOf(item: Item): Revisit {
  return {
    id: item.id,
    rank: number(item.properties["worldstrat:revisit"]) ?? Number(item.id.split("_").at(-1)),
    date: text(item.properties["datetime"])?.slice(0, 10) ?? null,
    clouds: number(item.properties["worldstrat:cloud_cover"]),
    imageClouds: number(item.properties["eo:cloud_cover"]),
    delta: number(item.properties["worldstrat:delta"]),
  };
}
