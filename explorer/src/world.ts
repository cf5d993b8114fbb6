/** The countries of Natural Earth (npm's world-atlas): land, borders, names, and which one a point lies in. */

import type { Feature, FeatureCollection, MultiLineString, MultiPolygon, Point, Polygon, Position } from "geojson";
import { feature, mesh } from "topojson-client";
import type { GeometryCollection, Topology } from "topojson-specification";
import coarseUrl from "world-atlas/countries-110m.json?url";
import fineUrl from "world-atlas/countries-50m.json?url";

import { unwrap } from "./antimeridian";
import type { Bbox } from "./stac";

type Country = Feature<Polygon | MultiPolygon, { name: string }>;
type Atlas = Topology<{ countries: GeometryCollection<{ name: string }>; land: GeometryCollection }>;

export interface World {
  land: FeatureCollection;
  borders: MultiLineString;
  names: FeatureCollection<Point, { name: string; area: number }>;
  /** Returns the name of the country that a point lies in, or null at sea. */
  countryAt(lon: number, lat: number): string | null;
}

const polygonsOf = (country: Country): Position[][][] =>
  country.geometry.type === "Polygon" ? [country.geometry.coordinates] : country.geometry.coordinates;

/** Returns twice the signed area of a ring in degrees, and its centroid. */
function measure(ring: Position[]): { area: number; centre: Position } {
  let [area, x, y] = [0, 0, 0];
  ring.forEach(([ax = 0, ay = 0], index) => {
    const [bx = 0, by = 0] = ring[(index + 1) % ring.length] ?? [];
    const cross = ax * by - bx * ay;
    area += cross;
    x += (ax + bx) * cross;
    y += (ay + by) * cross;
  });
  return { area: Math.abs(area), centre: area === 0 ? (ring[0] ?? [0, 0]) : [x / (3 * area), y / (3 * area)] };
}

/** Places a country's name on the middle of its largest piece. */
function label(country: Country): Feature<Point, { name: string; area: number }> {
  const pieces = polygonsOf(country).map((polygon) => measure(polygon[0] ?? []));
  const largest = pieces.reduce((best, piece) => (piece.area > best.area ? piece : best));
  return {
    type: "Feature",
    geometry: { type: "Point", coordinates: largest.centre },
    properties: { name: country.properties.name, area: largest.area },
  };
}

const flat = (shapes: Country[]): Country[] => shapes.map((shape) => ({ ...shape, geometry: unwrap(shape.geometry) }));

/** A piece of a country, with the box that it lies in. */
interface Piece {
  name: string;
  rings: Position[][];
  box: Bbox;
}

function pieces(country: Country): Piece[] {
  return polygonsOf(country).map((rings) => {
    const [lons, lats] = [0, 1].map((axis) => (rings[0] ?? []).map((position) => position[axis] ?? 0));
    const box = [min(lons), min(lats), max(lons), max(lats)] as const;
    return { name: country.properties.name, rings, box };
  });
}

const min = (values: number[] = []): number => values.reduce((a, b) => Math.min(a, b), Infinity);
const max = (values: number[] = []): number => values.reduce((a, b) => Math.max(a, b), -Infinity);
const within = ([west, south, east, north]: Bbox, lon: number, lat: number): boolean =>
  west <= lon && lon <= east && south <= lat && lat <= north;

/** Tells whether a ray from the point to the east crosses the rings an odd number of times. */
function contains(rings: Position[][], lon: number, lat: number): boolean {
  let inside = false;
  for (const ring of rings) {
    ring.forEach(([ax = 0, ay = 0], index) => {
      const [bx = 0, by = 0] = ring[(index + 1) % ring.length] ?? [];
      if (ay > lat !== by > lat && lon < ((bx - ax) * (lat - ay)) / (by - ay) + ax) inside = !inside;
    });
  }
  return inside;
}

/** Fetches the atlas from this page's own files: a seventh of the bytes is enough for the world as a whole. */
export async function fetchWorld(detail: "coarse" | "fine"): Promise<World> {
  const atlas = (await (await fetch(detail === "fine" ? fineUrl : coarseUrl)).json()) as Atlas;
  const countries = flat(feature(atlas, atlas.objects.countries).features as Country[]);
  const all = countries.flatMap(pieces);
  return {
    land: { type: "FeatureCollection", features: flat(feature(atlas, atlas.objects.land).features as Country[]) },
    borders: mesh(atlas, atlas.objects.countries as never, (a, b) => a !== b),
    names: { type: "FeatureCollection", features: countries.map(label) },
    countryAt(lon, lat) {
      return all.find(({ box, rings }) => within(box, lon, lat) && contains(rings, lon, lat))?.name ?? null;
    },
  };
}
