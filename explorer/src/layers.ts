/** The ways of looking at a place: the renders that the server stores with its collections. */

import { SENTINEL2, SPOT, type ClassOf, type Collection, type Item } from "./stac";

export type Sensor = "spot" | "sentinel2";

export interface Layer {
  /** As the address's hash writes it: `spot.true-color`. */
  id: string;
  sensor: Sensor;
  collection: string;
  render: string;
  title: string;
  /** Title in a word or two. */
  short: string;
  /** Keys of the assets that it is made of. */
  assets: string[];
  /** How the numbers become colours: classes, a named colormap between two values, or neither for plain colour. */
  classes: ClassOf[];
  ramp: { name: string; low: number; high: number } | null;
}

const COLLECTIONS: Record<Sensor, string> = { spot: SPOT, sentinel2: SENTINEL2 };
/** True colour first, whatever order the server's JSON has. */
const ORDER = ["true-color", "false-color", "ndvi", "swir", "scl", "pan"];

const rank = (render: string): number => (ORDER.indexOf(render) + ORDER.length + 1) % (ORDER.length + 1);

function layersOfCollection(sensor: Sensor, collection: Collection): Layer[] {
  const names = Object.keys(collection.renders ?? {}).sort((a, b) => rank(a) - rank(b));
  return names.map((render) => {
    const { title = render, colormap_name, rescale, assets = [] } = collection.renders?.[render] ?? {};
    const [low = 0, high = 1] = rescale?.[0] ?? [];
    return {
      id: `${sensor}.${render}`,
      sensor,
      collection: collection.id,
      render,
      title,
      short: title.split(/[:,]/)[0] ?? title,
      assets,
      classes: collection.item_assets?.[assets[0] ?? ""]?.["classification:classes"] ?? [],
      ramp: colormap_name === undefined ? null : { name: colormap_name, low, high },
    };
  });
}

/** Returns the layers that the catalog's collections offer, SPOT's first. */
export function layersOf(collections: Collection[]): Layer[] {
  return (Object.keys(COLLECTIONS) as Sensor[]).flatMap((sensor) => {
    const collection = collections.find(({ id }) => id === COLLECTIONS[sensor]);
    return collection === undefined ? [] : layersOfCollection(sensor, collection);
  });
}

/** Tells whether an item has everything that a layer is made of: not every place has a scene classification. */
export const isDrawable = (layer: Layer, item: Item | null): boolean =>
  item !== null && layer.assets.every((key) => item.assets?.[key] !== undefined);
