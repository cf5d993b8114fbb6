/** Flat rings from the atlas's round ones: it leaves polygons whole where they cross 180 degrees or hold a pole. */

import type { MultiPolygon, Polygon, Position } from "geojson";

/** Lets longitudes run on beyond 180 degrees instead of jumping; a ring around a pole is closed along that pole. */
export function unwrapRing(ring: Position[]): Position[] {
  let turn = 0;
  let before = ring[0]?.[0] ?? 0;
  const flat = ring.map(([lon = 0, lat = 0]): Position => {
    if (lon - before > 180) turn -= 360;
    if (lon - before < -180) turn += 360;
    before = lon;
    return [lon + turn, lat];
  });
  const [first, last] = [flat[0], flat.at(-1)];
  if (turn === 0 || first === undefined || last === undefined) return flat;
  const pole = (first[1] ?? 0) < 0 ? -90 : 90;
  return [...flat, [last[0] ?? 0, pole], [first[0] ?? 0, pole], first];
}

/** Returns the same polygons, drawable on a flat map. */
export function unwrap<G extends Polygon | MultiPolygon>(geometry: G): G {
  const rings = (polygon: Position[][]): Position[][] => polygon.map(unwrapRing);
  const coordinates =
    geometry.type === "Polygon" ? rings(geometry.coordinates) : geometry.coordinates.map((polygon) => rings(polygon));
  return { ...geometry, coordinates };
}
