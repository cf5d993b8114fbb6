/** Visiting a place: the view of the address becomes the map's imagery and the panel's words. */

import type { Map as MapLibre } from "maplibre-gl";

import { spotId } from "./addresses";
import { fetchCollections, fetchIndices, fetchItem, fetchRevisits, isAbort, ServerError } from "./api";
import { Draw } from "./draw";
import { h } from "./dom";
import { dayText, facts } from "./facts";
import { Imagery, type Look, type Picture } from "./imagery";
import { isDrawable, Pictures, type Layer, type Sensor } from "./layers";
import { Measure } from "./measure";
import { notify } from "./notice";
import { Panel } from "./panel";
import { Picker } from "./picker";
import { placeOf, type Place, type Revisit } from "./place";
import type { Places } from "./places";
import { SENTINEL2, SPOT, type Bbox, type Item } from "./stac";
import type { Overlay, View, ViewState } from "./state";
import { Swipe } from "./swipe";
import { Takeaway } from "./takeaway";
import { Timeline } from "./timeline";

/** What a visit needs of the page. */
export interface Surroundings {
  map: MapLibre;
  places: Places;
  /** Returns a place that is already loaded. */
  known: (slug: string) => Place | undefined;
  country: (place: Place) => string | null;
  /** Goes back to the world as it was. */
  home: () => void;
}

type Items = Record<"spot" | "sentinel2", Item | null>;

const OVERLAY_ASSET = { clouds: "clm", scl: "scl" } as const;

export class Visit {
  private readonly imagery: Imagery;
  private readonly swipe: Swipe;
  private readonly timeline: Timeline;
  private readonly picker: Picker;
  private readonly measure: Measure;
  private readonly takeaway = new Takeaway();
  private readonly about = h("section", { class: "about" });
  private readonly panel: Panel;
  private readonly draw: Draw;
  private ending = new AbortController();
  private place: Place | null = null;
  private pictures: Promise<Pictures> | null = null;
  private revisits: Revisit[] = [];
  private readonly items = new Map<string, Promise<Item | null>>();

  constructor(
    private readonly page: Surroundings,
    private readonly state: ViewState,
  ) {
    const change = (patch: Partial<View>): void => state.change(patch);
    this.imagery = new Imagery(page.map);
    this.swipe = new Swipe((percent) => this.imagery.clip(percent), (swipe) => change({ swipe })); // prettier-ignore
    this.timeline = new Timeline((revisit) => change({ revisit }));
    this.picker = new Picker(change, () => change({ left: state.current.right, right: state.current.left }));
    this.draw = new Draw(page.map, {
      place: () => this.place,
      done: (shape) => change({ shape, tab: "measure" }),
      growing: (shape) => void this.imagery.measure(shape, false),
      drawing: (active) => this.measure.drawing(active),
    });
    this.measure = new Measure({
      polygon: () => this.draw.polygon(),
      middle: () => this.draw.middle(),
      seen: () => this.place && this.draw.seen(this.place),
      clear: () => change({ shape: [] }),
    });
    const tabs = { look: h("section", {}, this.picker.element), measure: this.measure.element, about: this.about, take: this.takeaway.element }; // prettier-ignore
    this.panel = new Panel(tabs, (tab) => change({ tab }), () => change({ aoi: null, shape: [], swipe: null })); // prettier-ignore
    state.onChange((view) => void this.follow(view));
    void this.follow(state.current);
  }

  private async follow(view: View): Promise<void> {
    try {
      if (view.aoi === null) this.leave();
      else if (view.aoi !== this.place?.slug) await this.arrive(view.aoi);
      else await this.look();
    } catch (error) {
      this.fail(view.aoi, error);
    }
  }

  /** Goes back to the world. */
  private leave(): void {
    this.ending.abort(); // also of a place that is still on its way
    if (this.place === null) return;
    this.draw.cancel();
    this.place = null;
    void this.imagery.clear();
    this.swipe.hide();
    this.timeline.hide();
    this.page.places.setChosen(null);
    this.panel.hide();
    this.page.home();
  }

  private async arrive(slug: string): Promise<void> {
    this.ending.abort();
    this.ending = new AbortController();
    const { signal } = this.ending;
    const place = this.page.known(slug) ?? placeOf(await fetchItem(SPOT, spotId(slug), signal));
    if (signal.aborted) return;
    this.place = place;
    this.items.clear();
    this.revisits = [];
    this.page.places.setChosen(slug);
    this.panel.open(place, this.page.country(place));
    this.panel.select(this.state.current.tab);
    this.about.replaceChildren(facts(place, null));
    this.timeline.wait();
    this.fly(place);
    this.revisits = await fetchRevisits(place.name, signal);
    this.about.replaceChildren(facts(place, this.revisits));
    this.timeline.show(place, this.revisits);
    await this.look();
  }

  private fly({ bbox: [west, south, east, north] }: Place): void {
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const options = { padding: this.panel.padding, maxZoom: 16.5, duration: still ? 0 : 1800 };
    this.page.map.fitBounds([west, south, east, north], options);
  }

  /** What can be drawn, asked for once. */
  private known(): Promise<Pictures> {
    this.pictures ??= Promise.all([fetchCollections(), fetchIndices()])
      .then(([collections, indices]) => new Pictures(collections, indices))
      .catch((error: unknown) => {
        this.pictures = null; // so that the next look asks again
        throw error;
      });
    return this.pictures;
  }

  /** Draws both sides of the view, or what is nearest to them that the place has. */
  private async look(): Promise<void> {
    const { place, revisits, state } = this;
    const view = state.current;
    const revisit = revisits.find(({ rank }) => rank === view.revisit) ?? revisits[0];
    if (place === null) return;
    this.panel.select(view.tab);
    const [pictures, spot, sentinel2] = await Promise.all([
      this.known(),
      this.item(SPOT, spotId(place.slug)),
      revisit === undefined ? null : this.item(SENTINEL2, revisit.id),
    ]);
    if (state.current !== view || this.place !== place) return;
    const items = { spot, sentinel2 };
    const [left, right] = (["left", "right"] as const).map((side) => this.picture(pictures, items, view[side]));
    if (!left || !right) return notify("Nothing of this place can be drawn.", "Its items have no imagery.");
    const veil = this.veil(view.overlay, sentinel2);
    await this.paint({ place, left, right, veil }, revisit, view);
    this.picker.show(pictures, { left: left.layer, right: right.layer }, veil?.overlay ?? "none", {
      sensor: (sensor) => this.itemOf(items, sensor) !== null,
      overlay: (overlay) => overlay === "none" || this.veil(overlay, sentinel2) !== null,
    });
    this.tell(place, [left, right], [sentinel2, spot], revisit);
  }

  /** Draws the maps, the handle and the film strip. */
  private async paint(look: Look, revisit: Revisit | undefined, view: View): Promise<void> {
    await this.imagery.show(look);
    await this.imagery.measure(view.shape);
    const day = (layer: Layer): string => dayText((layer.sensor === "spot" ? look.place.date : revisit?.date) ?? null);
    this.swipe.show(look.left.layer, look.right.layer, [day(look.left.layer), day(look.right.layer)], view.swipe ?? this.middle()); // prettier-ignore
    this.timeline.select(revisit?.rank ?? 0);
  }

  /** Fills the tabs of the card that are about this look. */
  private tell(place: Place, pictures: Picture[], items: (Item | null)[], revisit: Revisit | undefined): void {
    const { shape, tab } = this.state.current;
    if (tab === "measure") {
      const day = dayText(revisit?.date ?? null);
      void this.measure.show({ place, pictures, shape, day });
    }
    const present = items.filter((item) => item !== null);
    this.takeaway.show({ pictures, items: present, place: place.bbox, view: () => this.inView(), shape });
  }

  private inView(): Bbox {
    const bounds = this.page.map.getBounds();
    return [bounds.getWest(), bounds.getSouth(), bounds.getEast(), bounds.getNorth()];
  }

  /** The middle of what the cards leave of the map, in per cent of its width. */
  private middle(): number {
    const { left, right } = this.panel.padding;
    return (100 * (left + (innerWidth - right - left) / 2)) / innerWidth;
  }

  private itemOf(items: Items, sensor: Sensor): Item | null {
    return sensor === "spot" ? items.spot : items.sentinel2;
  }

  /** Returns a layer of the place's items: the wanted one, else true colour of any sensor. */
  private picture(pictures: Pictures, items: Items, wanted: string): Picture | null {
    for (const id of [wanted, "sentinel2.true-color", "spot.true-color"]) {
      const layer = pictures.layer(id);
      const item = layer && this.itemOf(items, layer.sensor);
      if (layer !== null && item !== null && isDrawable(layer, item)) return { layer, item: item.id };
    }
    return null;
  }

  private veil(overlay: Overlay, item: Item | null): Look["veil"] {
    if (overlay === "none" || item?.assets?.[OVERLAY_ASSET[overlay]] === undefined) return null;
    return { overlay, collection: SENTINEL2, item: item.id };
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
    if (isAbort(error)) return;
    if (!(error instanceof ServerError)) throw error;
    if (error.status === 404) notify(`There is no place called ${aoi} in this catalog.`);
    else notify("This place could not be opened.", error.message);
  }
}
