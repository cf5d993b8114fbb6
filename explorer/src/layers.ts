/** The ways of looking at a place: stored renders, band combinations, indices, and what super-resolution adds. */

import { SENTINEL2, SPOT, type Collection, type Item } from "./stac";

export const SENSORS = ["sentinel2", "sr", "spot"] as const;
export type Sensor = (typeof SENSORS)[number];

export const SENSOR_NAME: Record<Sensor, string> = {
  sentinel2: "Sentinel-2",
  sr: "Super-resolved",
  spot: "SPOT 6/7",
};

export interface Layer {
  /** As the address writes it: `spot.true-color`, `sentinel2.index-EVI`, `sentinel2.bands-B12-B08-B04`. */
  id: string;
  sensor: Sensor;
  collection: string;
  /** Title in a few words. */
  title: string;
  /** What the tile endpoints are asked with. */
  query: string;
  /** Keys of the assets that it is made of. */
  assets: string[];
  /** Whether its colours are classes, which nothing may blend. */
  classes: boolean;
  /** Expression of one value, where it has one. */
  expression: string | null;
  /** Bands that are painted in red, green and blue, where it is of several. */
  bands: string[];
}

/** An index that the server knows. */
export interface Index {
  name: string;
  long_name: string;
  domain: string;
  bands: string[];
  collections: Record<string, { expression: string }>;
}

/** One entry of the list to choose a picture from. */
export interface Choice {
  group: string;
  name: string;
  title: string;
}

const COLLECTION: Record<Sensor, string> = { sentinel2: SENTINEL2, sr: SENTINEL2, spot: SPOT };
const ORDER = ["true-color", "false-color", "ndvi", "swir", "pan", "scl"];
/** What super-resolution offers beside indices: its model keeps four bands. */
const SR_RENDERS = ["true-color", "false-color", "ndvi"];
const SR_SPECIAL: Record<string, [title: string, query: string]> = {
  difference: ["Difference: what the model adds to bicubic", "method=difference&render=difference"],
  uncertainty: ["Uncertainty: half of the 90 % interval", "layer=uncertainty&render=uncertainty"],
  bicubic: ["Bicubic true colour: no model", "method=bicubic&render=true-color"],
};
const COMBINATIONS: [title: string, bands: string][] = [
  ["Agriculture", "B11-B08-B02"],
  ["Geology", "B12-B11-B02"],
  ["Healthy vegetation", "B08-B11-B02"],
  ["Urban", "B12-B11-B04"],
  ["Red edge", "B07-B06-B05"],
  ["Land and water", "B08-B11-B04"],
];

const rank = (name: string): number => (ORDER.indexOf(name) + ORDER.length + 1) % (ORDER.length + 1);

/** Everything that layers are made from: what the catalog stores and what the server computes. */
export class Pictures {
  constructor(
    private readonly collections: Collection[],
    private readonly indices: Index[],
  ) {}

  /** Returns what a sensor can be seen as. */
  choices(sensor: Sensor): Choice[] {
    const stored = Object.entries(this.renders(sensor)).map(([name, { title = name }]) => ({ name, title }));
    const pictures = stored.sort((a, b) => rank(a.name) - rank(b.name)).map((one) => ({ group: "Pictures", ...one }));
    const special = Object.entries(SR_SPECIAL).map(([name, [title]]) => ({ group: "What is synthetic", name, title }));
    const combined = COMBINATIONS.map(([title, bands]) => ({
      group: "Band combinations",
      name: `bands-${bands}`,
      title: `${title}: ${bands.replaceAll("-", ", ")}`,
    }));
    const own = sensor === "sr" ? special : sensor === "sentinel2" ? combined : [];
    return [...pictures, ...own, ...this.indexChoices(sensor)];
  }

  private indexChoices(sensor: Sensor): Choice[] {
    const usable = this.indices.filter((index) => this.expression(sensor, index) !== null);
    const named = usable.map(({ name, long_name, domain }) => ({
      group: `Indices: ${domain}`,
      name: `index-${name}`,
      title: `${name}: ${long_name}`,
    }));
    return named.sort((a, b) => a.group.localeCompare(b.group));
  }

  /** Returns the layer of an id, or null where there is no such. */
  layer(id: string): Layer | null {
    const at = id.indexOf(".");
    const sensor = SENSORS.find((one) => one === id.slice(0, at));
    if (sensor === undefined) return null;
    const name = id.slice(at + 1);
    return this.special(id, sensor, name) ?? this.index(id, sensor, name) ?? this.bands(id, sensor, name) ?? this.render(id, sensor, name); // prettier-ignore
  }

  private renders(sensor: Sensor): NonNullable<Collection["renders"]> {
    const all = this.collections.find(({ id }) => id === COLLECTION[sensor])?.renders ?? {};
    if (sensor !== "sr") return all;
    return Object.fromEntries(Object.entries(all).filter(([name]) => SR_RENDERS.includes(name)));
  }

  private made(id: string, sensor: Sensor, rest: Pick<Layer, "title" | "query"> & Partial<Layer>): Layer {
    const assets = [sensor === "spot" ? "ps" : "data"];
    return { id, sensor, collection: COLLECTION[sensor], assets, classes: false, expression: null, bands: [], ...rest };
  }

  private special(id: string, sensor: Sensor, name: string): Layer | null {
    const found = sensor === "sr" && Object.hasOwn(SR_SPECIAL, name) ? SR_SPECIAL[name] : undefined;
    const bands = ["red", "green", "blue"];
    if (found === undefined) return null;
    return this.made(id, sensor, { title: found[0].split(":")[0] ?? name, query: found[1], bands });
  }

  private index(id: string, sensor: Sensor, name: string): Layer | null {
    const index = this.indices.find((one) => `index-${one.name}` === name);
    const expression = index === undefined ? null : this.expression(sensor, index);
    if (index === undefined || expression === null) return null;
    return this.made(id, sensor, { title: index.name, query: `index=${encodeURIComponent(index.name)}`, expression });
  }

  private bands(id: string, sensor: Sensor, name: string): Layer | null {
    const bands = /^bands((-B\w\w){3})$/.exec(name)?.[1]?.slice(1).split("-");
    if (bands === undefined || sensor !== "sentinel2") return null;
    const title = COMBINATIONS.find(([, known]) => known === bands.join("-"))?.[0] ?? bands.join(", ");
    return this.made(id, sensor, { title, query: `bands=${bands.join(",")}&rescale=0,0.4`, bands });
  }

  private render(id: string, sensor: Sensor, name: string): Layer | null {
    const renders = this.renders(sensor);
    // The name is the address's: `constructor` is in every object, and no picture.
    const render = Object.hasOwn(renders, name) ? renders[name] : undefined;
    if (render === undefined) return null;
    const { title = name, assets = [], expression = null, bands = [], colormap } = render;
    const query = `render=${encodeURIComponent(name)}`;
    const short = title.split(/[:,]/)[0] ?? title;
    return this.made(id, sensor, { title: short, query, assets, expression, bands, classes: colormap !== undefined });
  }

  private expression(sensor: Sensor, index: Index): string | null {
    // What is super-resolved has the bands that SPOT has.
    const needs = sensor === "sr" ? SPOT : COLLECTION[sensor];
    return index.collections[needs]?.expression ?? null;
  }
}

/** Tells whether an item has everything that a layer is made of: not every place has a scene classification. */
export const isDrawable = (layer: Layer, item: Item | null): boolean =>
  item !== null && layer.assets.every((key) => item.assets?.[key] !== undefined);

export const isSynthetic = ({ id, sensor }: Layer): boolean => sensor === "sr" && id !== "sr.bicubic";
