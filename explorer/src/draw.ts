/** Drawing what is measured: a click is a point; several clicks are a polygon. */

import type { Map as MapLibre, MapMouseEvent } from "maplibre-gl";

import type { Place } from "./place";
import type { Position } from "./state";

const within = ({ bbox: [west, south, east, north] }: Place, [lon, lat]: Position): boolean =>
  west <= lon && lon <= east && south <= lat && lat <= north;

/** What drawing tells the page. */
export interface Drawn {
  /** The chosen place, or null in the world. */
  place: () => Place | null;
  /** A shape is finished. */
  done: (shape: readonly Position[]) => void;
  /** A polygon has begun or has another corner. */
  growing: (shape: readonly Position[]) => void;
  /** Whether a polygon is being drawn. */
  drawing: (active: boolean) => void;
}

export class Draw {
  private corners: Position[] | null = null;

  constructor(
    private readonly map: MapLibre,
    private readonly page: Drawn,
  ) {
    map.on("click", (event) => this.click(event));
    map.on("dblclick", (event) => this.finish(event));
    document.addEventListener("keydown", (event) => this.key(event), { capture: true });
  }

  /** Begins a polygon. */
  polygon(): void {
    this.corners = [];
    this.map.doubleClickZoom.disable();
    this.map.getCanvas().style.cursor = "crosshair";
    this.page.drawing(true);
  }

  /** Takes the middle of the map as the point: the keyboard's way. */
  middle(): void {
    const { lng, lat } = this.map.getCenter();
    this.end([[lng, lat]]);
  }

  /** Takes what is seen of the place as the polygon. */
  seen(place: Place): void {
    const bounds = this.map.getBounds();
    const [west, south, east, north] = place.bbox;
    const [left, right] = [Math.max(west, bounds.getWest()), Math.min(east, bounds.getEast())];
    const [low, high] = [Math.max(south, bounds.getSouth()), Math.min(north, bounds.getNorth())];
    if (left < right && low < high) this.end([[left, low], [right, low], [right, high], [left, high]]); // prettier-ignore
  }

  cancel(): void {
    if (this.corners === null) return;
    this.stop();
    this.page.growing([]);
  }

  private click({ lngLat, originalEvent }: MapMouseEvent): void {
    const place = this.page.place();
    const at: Position = [lngLat.lng, lngLat.lat];
    if (place === null || originalEvent.defaultPrevented) return;
    if (this.corners === null) {
      if (within(place, at)) this.page.done([at]);
      return;
    }
    this.corners.push(at);
    this.page.growing(this.corners);
  }

  private finish(event: MapMouseEvent): void {
    if (this.corners === null) return;
    event.preventDefault();
    // The second click of the two has left the same corner twice.
    const corners = this.corners.filter(
      (corner, index, all) => index === 0 || String(corner) !== String(all[index - 1]),
    );
    if (corners.length >= 3) this.end(corners);
  }

  private key(event: KeyboardEvent): void {
    if (this.corners === null || !["Enter", "Escape"].includes(event.key)) return;
    event.preventDefault();
    if (event.key === "Escape") this.cancel();
    else if (this.corners.length >= 3) this.end(this.corners);
  }

  private end(shape: readonly Position[]): void {
    this.stop();
    this.page.done(shape);
  }

  private stop(): void {
    this.corners = null;
    this.map.doubleClickZoom.enable();
    this.map.getCanvas().style.cursor = "";
    this.page.drawing(false);
  }
}
