/** Visiting a place: the view of the address becomes the map's imagery and the panel's words. */

import type { Map as MapLibre } from "maplibre-gl";

import { spotId } from "./addresses";
import { fetchCollections, fetchItem, fetchRevisits, ServerError } from "./api";
import type { Imagery } from "./imagery";
import type { LayerPicker } from "./layerpicker";
import { isDrawable, layersOf, type Layer } from "./layers";
import { notify } from "./notice";
import type { Panel } from "./panel";
import { placeOf, type Place, type Revisit } from "./place";
import type { Places } from "./places";
import type { RevisitPicker } from "./revisits";
import { SENTINEL2, SPOT, type Item } from "./stac";
import type { View, ViewState } from "./state";
import type { Takeaway } from "./takeaway";

/** The parts of the page that a visit speaks to. */
export interface Stage {
  map: MapLibre;
  imagery: Imagery;
  panel: Panel;
  layerPicker: LayerPicker;
  revisitPicker: RevisitPicker;
  takeaway: Takeaway;
  places: Places;
  /** Returns a place that is already loaded. */
  known: (slug: string) => Place | undefined;
  country: (place: Place) => string | null;
}

export class Visit {
  private ending = new AbortController();
  private place: Place | null = null;
  private layers: Layer[] = [];
  private revisits: Revisit[] = [];
  private readonly items = new Map<string, Promise<Item | null>>();

  constructor(
    private readonly stage: Stage,
    private readonly state: ViewState,
  ) {
    state.onChange((view, before) => void this.follow(view, before.aoi));
    void this.follow(state.current, null);
  }

  private async follow(view: View, before: string | null): Promise<void> {
    try {
      if (view.aoi === null) this.leave(before !== null);
      else if (view.aoi !== this.place?.slug) await this.arrive(view.aoi);
      else await this.look();
    } catch (error) {
      this.fail(view.aoi, error);
    }
  }

  /** Goes back to the world. */
  private leave(travelled: boolean): void {
    this.ending.abort();
    this.place = null;
    this.stage.imagery.clear();
    this.stage.places.setChosen(null);
    this.stage.panel.hide();
    if (travelled) this.stage.map.easeTo({ zoom: Math.min(this.stage.map.getZoom(), 4) });
  }

  private async arrive(slug: string): Promise<void> {
    this.ending.abort();
    this.ending = new AbortController();
    const { signal } = this.ending;
    const { map, places, panel, revisitPicker, known, country } = this.stage;
    if (this.layers.length === 0) this.layers = layersOf(await fetchCollections());
    const place = known(slug) ?? placeOf(await fetchItem(SPOT, spotId(slug), signal));
    if (signal.aborted) return;
    this.place = place;
    this.items.clear();
    this.revisits = [];
    places.setChosen(slug);
    panel.open(place, country(place));
    panel.tell(place, null);
    revisitPicker.say("…");
    const [west, south, east, north] = place.bbox;
    map.fitBounds([west, south, east, north], { padding: panel.padding, maxZoom: 17, duration: 2200 });
    this.revisits = await fetchRevisits(place.name, signal);
    panel.tell(place, this.revisits);
    revisitPicker.show(this.revisits);
    await this.look();
  }

  /** Draws the chosen layer and revisit of the place, or the nearest to them that it has. */
  private async look(): Promise<void> {
    const { place, layers, stage, revisits } = this;
    const view = this.state.current;
    const revisit = revisits.find(({ rank }) => rank === view.revisit) ?? revisits[0];
    if (place === null) return;
    const [spot, sentinel2] = await Promise.all([
      this.item(SPOT, spotId(place.slug)),
      revisit === undefined ? null : this.item(SENTINEL2, revisit.id),
    ]);
    if (this.state.current !== view) return;
    const items = { spot, sentinel2 };
    const pictures = layers.flatMap((layer) => {
      const item = items[layer.sensor];
      return item !== null && isDrawable(layer, item) ? [{ layer, item: item.id }] : [];
    });
    const above = pictures.find(({ layer }) => layer.id === view.layer) ?? pictures[0];
    if (above === undefined) return notify("Nothing of this place can be drawn.", "Its items have no imagery.");
    const ground = pictures.find(({ layer }) => layer.id === "sentinel2.true-color") ?? null;
    const below = ground === above ? null : ground;
    const drawable = pictures.map(({ layer }) => layer);
    stage.layerPicker.show(layers, drawable, above.layer, below !== null);
    stage.imagery.show({ place, above, below, blend: below === null ? 1 : stage.layerPicker.opacity });
    stage.revisitPicker.select(revisit?.rank ?? 0);
    stage.takeaway.show(
      above,
      [spot, sentinel2].filter((item) => item !== null),
    );
  }

  /** Returns an item of the place, asked for once; null where the catalog has none. */
  private item(collection: string, id: string): Promise<Item | null> {
    const known = this.items.get(id);
    if (known !== undefined) return known;
    const asked = fetchItem(collection, id, this.ending.signal).catch((error: unknown) => {
      if (error instanceof ServerError && error.status === 404) return null;
      this.items.delete(id); // so that the next look asks again
      throw error;
    });
    this.items.set(id, asked);
    return asked;
  }

  private fail(aoi: string | null, error: unknown): void {
    if (error instanceof DOMException && error.name === "AbortError") return;
    if (!(error instanceof ServerError)) throw error;
    if (error.status === 404) notify(`There is no place called ${aoi} in this catalog.`);
    else notify("This place could not be opened.", error.message);
  }
}
