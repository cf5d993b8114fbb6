/** All places on the map: points coloured by source or land use, clustered where they are many, outlines when near. */

import type { Feature, FeatureCollection, Point, Polygon } from "geojson";
import {
  Marker,
  Popup,
  type ExpressionSpecification,
  type GeoJSONSource,
  type Map as MapLibre,
  type MapLayerMouseEvent,
} from "maplibre-gl";

import { donut } from "./donut";
import { h } from "./dom";
import type { Place } from "./place";
import { SCHEMES, type Scheme } from "./state";
import { CATEGORIES, categoryColor, color, onThemeChange } from "./theme";

const CLUSTER_RADIUS = 34;
/** Sites of nine neighbouring AOIs come apart from this zoom on. */
const CLUSTER_MAX_ZOOM = 10;

const collection = <G extends Point | Polygon>(features: Feature<G>[]): FeatureCollection<G> => ({
  type: "FeatureCollection",
  features,
});

function point(place: Place): Feature<Point> {
  const { slug, source, ipcc } = place;
  return {
    type: "Feature",
    geometry: { type: "Point", coordinates: [place.lon, place.lat] },
    properties: { slug, source, ipcc },
  };
}

/** Returns a bounding box as a polygon. */
export function outline(place: Place): Feature<Polygon> {
  const [west, south, east, north] = place.bbox;
  const ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]; // prettier-ignore
  const { slug, source, ipcc } = place;
  return { type: "Feature", geometry: { type: "Polygon", coordinates: [ring] }, properties: { slug, source, ipcc } };
}

const coloured = (scheme: Scheme): ExpressionSpecification =>
  [
    "match",
    ["get", scheme],
    ...CATEGORIES[scheme].flatMap((category) => [category, categoryColor(scheme, category)]),
    color("source-other"),
  ] as unknown as ExpressionSpecification;

/** Counts of each category of each scheme, summed up in every cluster. */
const sums = (): Record<string, ExpressionSpecification> =>
  Object.fromEntries(
    SCHEMES.flatMap((scheme) =>
      CATEGORIES[scheme].map((category) => [
        `${scheme}:${category}`,
        ["+", ["case", ["==", ["get", scheme], category], 1, 0]] as ExpressionSpecification,
      ]),
    ),
  );

/** The layer of all places; `choose` is called with the one that was clicked. */
export class Places {
  private readonly markers = new Map<number, Marker>();
  private readonly popup = new Popup({ closeButton: false, closeOnClick: false, offset: 12, className: "tip" });
  private bySlug = new Map<string, Place>();
  private scheme: Scheme = "source";

  constructor(
    private readonly map: MapLibre,
    private readonly choose: (slug: string) => void,
  ) {
    this.addLayers();
    onThemeChange(() => this.repaint());
    map.on("render", () => this.drawClusters());
    for (const layer of ["places", "outlines"]) {
      map.on("click", layer, (event) => this.chosen(event));
      map.on("mousemove", layer, (event) => this.hover(event));
      map.on("mouseleave", layer, () => this.leave());
    }
  }

  /** Shows these places instead of those shown before. */
  show(places: Place[]): void {
    this.bySlug = new Map(places.map((place) => [place.slug, place]));
    this.map.getSource<GeoJSONSource>("places")?.setData(collection(places.map(point)));
    this.map.getSource<GeoJSONSource>("outlines")?.setData(collection(places.map(outline)));
  }

  /** Colours the places by another scheme. */
  colorBy(scheme: Scheme): void {
    this.scheme = scheme;
    this.repaint();
  }

  /** Leaves the chosen place to its imagery: no tint, no tip, nothing to click. */
  setChosen(slug: string | null): void {
    this.map.setFilter("outlines", ["!=", ["get", "slug"], slug ?? ""]);
    this.leave();
  }

  private addLayers(): void {
    this.map.addSource("places", {
      type: "geojson",
      data: collection<Point>([]),
      cluster: true,
      clusterRadius: CLUSTER_RADIUS,
      clusterMaxZoom: CLUSTER_MAX_ZOOM,
      clusterProperties: sums(),
    });
    this.map.addSource("outlines", { type: "geojson", data: collection<Polygon>([]) });
    this.map.addLayer({
      id: "outlines",
      type: "fill",
      source: "outlines",
      minzoom: 9,
      paint: {
        "fill-color": coloured(this.scheme),
        "fill-opacity": ["interpolate", ["linear"], ["zoom"], 9, 0, 11, 0.25],
      },
    });
    this.map.addLayer({
      id: "places",
      type: "circle",
      source: "places",
      maxzoom: 13,
      filter: ["!", ["has", "point_count"]],
      paint: {
        "circle-color": coloured(this.scheme),
        "circle-radius": ["interpolate", ["linear"], ["zoom"], 1, 6, 8, 9],
        "circle-stroke-color": color("halo"),
        "circle-stroke-width": 1.5,
        "circle-opacity": ["interpolate", ["linear"], ["zoom"], 11, 1, 13, 0],
        "circle-stroke-opacity": ["interpolate", ["linear"], ["zoom"], 11, 1, 13, 0],
      },
    });
  }

  private repaint(): void {
    this.map.setPaintProperty("outlines", "fill-color", coloured(this.scheme));
    this.map.setPaintProperty("places", "circle-color", coloured(this.scheme));
    this.map.setPaintProperty("places", "circle-stroke-color", color("halo"));
    this.removeClusters(new Set());
  }

  /** Keeps one donut for each cluster in view: real buttons, so the keyboard reaches them. */
  private drawClusters(): void {
    if (!this.map.isSourceLoaded("places")) return;
    const seen = new Set<number>();
    for (const { properties, geometry } of this.map.querySourceFeatures("places")) {
      if (properties?.["cluster"] !== true || geometry.type !== "Point") continue;
      const id = properties["cluster_id"] as number;
      seen.add(id);
      if (this.markers.has(id)) continue;
      const at = geometry.coordinates as [number, number];
      const element = donut(properties, this.scheme, () => void this.open(id, at));
      this.markers.set(id, new Marker({ element }).setLngLat(at).addTo(this.map));
    }
    this.removeClusters(seen);
  }

  private removeClusters(keep: Set<number>): void {
    for (const [id, marker] of this.markers) {
      if (keep.has(id)) continue;
      marker.remove();
      this.markers.delete(id);
    }
  }

  private async open(cluster: number, center: [number, number]): Promise<void> {
    const zoom = await this.map.getSource<GeoJSONSource>("places")?.getClusterExpansionZoom(cluster);
    this.map.easeTo({ center, zoom: (zoom ?? this.map.getZoom() + 1) + 0.3 });
  }

  private placeAt(event: MapLayerMouseEvent): Place | undefined {
    return this.bySlug.get(String(event.features?.[0]?.properties["slug"]));
  }

  private chosen(event: MapLayerMouseEvent): void {
    const place = this.placeAt(event);
    // A point lies on its own outline: one click is one choice.
    if (place === undefined || event.originalEvent.defaultPrevented) return;
    event.originalEvent.preventDefault();
    this.leave();
    this.choose(place.slug);
  }

  private hover(event: MapLayerMouseEvent): void {
    const place = this.placeAt(event);
    if (place === undefined) return;
    this.map.getCanvas().style.cursor = "pointer";
    const kind = [place.source, place.ipcc].filter((part) => part !== null).join(" · ");
    this.popup
      .setLngLat([place.lon, place.lat])
      .setDOMContent(h("div", {}, h("strong", {}, place.name), h("span", {}, kind)))
      .addTo(this.map);
  }

  private leave(): void {
    this.map.getCanvas().style.cursor = "";
    this.popup.remove();
  }
}
