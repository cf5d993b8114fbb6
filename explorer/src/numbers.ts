/** What the server says of a point, of a polygon, and of both over time. */

import { pointUrl, seriesUrl, statisticsUrl } from "./addresses";
import { getJson } from "./api";
import type { Sample } from "./chart";
import type { Picture } from "./imagery";
import { geometryOf } from "./side";
import type { Position } from "./state";
import { dayText } from "./facts";

const BINS = 24;

/** A value by name: of a band, of an index. */
export type Values = [name: string, value: number | null][];

interface Statistics {
  mean: number | null;
  histogram: [counts: number[], edges: number[]];
}

/** Returns the polygon of a shape as a GeoJSON feature; undefined for a point, and for nothing. */
function feature(shape: readonly Position[]): object | undefined {
  const geometry = shape.length >= 3 ? geometryOf(shape) : null;
  return geometry === null ? undefined : { type: "Feature", geometry, properties: {} };
}

/** Returns the values of a picture at a point. */
export async function valuesAt({ layer, item }: Picture, [lon, lat]: Position, signal: AbortSignal): Promise<Values> {
  interface Point {
    values: (number | null)[];
    band_names: string[];
  }
  const { values, band_names } = await getJson<Point>(pointUrl(layer, item, lon, lat), signal);
  if (values.length === 1) return [[layer.title, values[0] ?? null]];
  return band_names.map((name, index) => [name, values[index] ?? null]);
}

/** Returns statistics of a picture: of the shape where it is a polygon, else of the whole place. */
export async function statisticsOf(
  { layer, item }: Picture,
  shape: readonly Position[],
  signal: AbortSignal,
): Promise<[name: string, Statistics][]> {
  const url = statisticsUrl(layer, item, BINS);
  const body = feature(shape);
  if (body === undefined) return Object.entries(await getJson<Record<string, Statistics>>(url, signal));
  const answer = await getJson<{ properties: { statistics: Record<string, Statistics> } }>(url, signal, body);
  return Object.entries(answer.properties.statistics);
}

interface Series {
  series: {
    datetime: string;
    statistics: Record<string, Record<string, number | null>>;
  }[];
}

/** Returns one index over the revisits of a place, clouds left out: at a point, in a polygon, or of all of it. */
export async function seriesOf(
  aoi: string,
  index: string,
  shape: readonly Position[],
  signal: AbortSignal,
): Promise<Sample[]> {
  const query = new URLSearchParams({ index, mask: "clouds", p: "10" });
  query.append("p", "90");
  const [first] = shape;
  if (shape.length === 1 && first !== undefined) {
    query.set("lon", String(first[0]));
    query.set("lat", String(first[1]));
  }
  const { series } = await getJson<Series>(seriesUrl(aoi, query.toString()), signal, feature(shape));
  return series.map(({ datetime, statistics }) => {
    const { mean = null, percentile_10 = null, percentile_90 = null } = Object.values(statistics)[0] ?? {};
    const label = dayText(datetime.slice(0, 10));
    return { time: Date.parse(datetime), label, value: mean, low: percentile_10, high: percentile_90 };
  });
}
