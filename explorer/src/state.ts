/** What is being looked at, kept in the address's hash so that a view can be shared. */

import { NO_FILTERS, readFilters, writeFilters, type Filters } from "./filters";

export const TABS = ["look", "measure", "about", "take"] as const;
export type Tab = (typeof TABS)[number];
export const OVERLAYS = ["none", "clouds", "scl"] as const;
export type Overlay = (typeof OVERLAYS)[number];
export const SCHEMES = ["source", "ipcc"] as const;
/** What the places are coloured by. */
export type Scheme = (typeof SCHEMES)[number];
export type Position = readonly [lon: number, lat: number];

export interface View {
  filters: Filters;
  scheme: Scheme;
  /** Whether the charts are open. */
  charts: boolean;
  /** Middle and zoom of the world's map; null for all of it. */
  at: readonly [lon: number, lat: number, zoom: number] | null;
  /** The chosen place, or null for the world. */
  aoi: string | null;
  /** Rank of the chosen Sentinel-2 revisit. */
  revisit: number;
  /** Ids of the layers left and right of the swipe: see layers.ts. */
  left: string;
  right: string;
  /** Where the swipe is, in per cent of the map's width; null for the middle. */
  swipe: number | null;
  overlay: Overlay;
  tab: Tab;
  /** The point or the polygon that is measured. */
  shape: readonly Position[];
}

export const FIRST_VIEW: View = {
  filters: NO_FILTERS,
  scheme: "source",
  charts: false,
  at: null,
  aoi: null,
  revisit: 1,
  left: "sentinel2.true-color",
  right: "spot.true-color",
  swipe: null,
  overlay: "none",
  tab: "look",
  shape: [],
};

const MOST_VERTICES = 100;

function numbers(text: string | null): number[] {
  const values = (text ?? "").split(",").map((part) => (part === "" ? NaN : Number(part)));
  return values.every(Number.isFinite) ? values : [];
}

const among = <T extends string>(known: readonly T[], text: string | null, otherwise: T): T =>
  known.find((one) => one === text) ?? otherwise;

function readAt(text: string | null): View["at"] {
  const [lon, lat, zoom, ...rest] = numbers(text);
  if (lon === undefined || lat === undefined || zoom === undefined || rest.length > 0) return null;
  return Math.abs(lon) <= 360 && Math.abs(lat) <= 85 && zoom >= 0 && zoom <= 22 ? [lon, lat, zoom] : null;
}

function readShape(text: string | null): Position[] {
  const values = numbers(text);
  if (values.length % 2 === 1 || values.length === 4 || values.length > 2 * MOST_VERTICES) return [];
  return values.flatMap((lon, index) => (index % 2 === 0 ? [[lon, values[index + 1] ?? 0] as const] : []));
}

/** Reads a view from `#source=UNHCR&aoi=...&revisit=3&left=...`; what is missing or malformed takes its first value. */
export function parseHash(hash: string): View {
  const fields = new URLSearchParams(hash.replace(/^#/, ""));
  const [revisit, swipe] = [Number(fields.get("revisit") ?? NaN), Number(fields.get("swipe") || NaN)];
  return {
    filters: readFilters(fields),
    scheme: among(SCHEMES, fields.get("color"), FIRST_VIEW.scheme),
    charts: fields.get("page") === "charts",
    at: readAt(fields.get("at")),
    aoi: fields.get("aoi") || null,
    revisit: Number.isInteger(revisit) && revisit > 0 ? revisit : FIRST_VIEW.revisit,
    left: fields.get("left") || FIRST_VIEW.left,
    right: fields.get("right") || FIRST_VIEW.right,
    swipe: swipe >= 0 && swipe <= 100 ? swipe : null,
    overlay: among(OVERLAYS, fields.get("overlay"), FIRST_VIEW.overlay),
    tab: among(TABS, fields.get("tab"), FIRST_VIEW.tab),
    shape: readShape(fields.get("shape")),
  };
}

/** Returns the fields of a place's view; without a place there are none. */
function placeFields(view: View): [string, string, string][] {
  if (view.aoi === null) return [];
  return [
    ["aoi", view.aoi, ""],
    ["revisit", String(view.revisit), "1"],
    ["left", view.left, FIRST_VIEW.left],
    ["right", view.right, FIRST_VIEW.right],
    ["swipe", view.swipe === null ? "" : String(Math.round(view.swipe)), ""],
    ["overlay", view.overlay, FIRST_VIEW.overlay],
    ["tab", view.tab, FIRST_VIEW.tab],
    ["shape", view.shape.flat().map((value) => value.toFixed(5)).join(","), ""], // prettier-ignore
  ];
}

/** Writes a view as a hash: what is as at first is left out, so the world has none. */
export function formatHash(view: View): string {
  const [lon = 0, lat = 0, zoom = 0] = view.at ?? [];
  const all: [string, string, string][] = [
    ["page", view.charts ? "charts" : "", ""],
    ["color", view.scheme, FIRST_VIEW.scheme],
    ["at", view.at === null ? "" : `${lon.toFixed(3)},${lat.toFixed(3)},${zoom.toFixed(2)}`, ""],
    ...placeFields(view),
  ];
  const said = all.filter(([, value, first]) => value !== first).map(([name, value]) => [name, value]);
  const fields = new URLSearchParams({ ...writeFilters(view.filters), ...(Object.fromEntries(said) as object) });
  const text = fields.toString().replaceAll("%2C", ",");
  return text === "" ? "" : `#${text}`;
}

type Listener = (view: View, before: View) => void;

/** The one view of the page: changed by `change`, by the address and by the back button. */
export class ViewState {
  private readonly listeners: Listener[] = [];
  private view: View;

  constructor(private readonly place: Window = window) {
    this.view = parseHash(place.location.hash);
    place.addEventListener("popstate", () => this.accept(parseHash(place.location.hash)));
  }

  get current(): View {
    return this.view;
  }

  onChange(listener: Listener): void {
    this.listeners.push(listener);
  }

  /** Changes the view; another place, page or filter is a new step of the history, the rest replaces the current one. */
  change(patch: Partial<View>): void {
    const view = { ...this.view, ...patch };
    const address = formatHash(view) || this.place.location.pathname + this.place.location.search;
    const step = view.aoi !== this.view.aoi || view.charts !== this.view.charts || view.filters !== this.view.filters;
    if (step) this.place.history.pushState(null, "", address);
    else this.place.history.replaceState(null, "", address);
    this.accept(view);
  }

  private accept(view: View): void {
    const before = this.view;
    if (formatHash(before) === formatHash(view)) return;
    // Listeners compare by identity: equal conditions stay the same object.
    const same = JSON.stringify(before.filters) === JSON.stringify(view.filters);
    this.view = same ? { ...view, filters: before.filters } : view;
    for (const listener of this.listeners) listener(this.view, before);
  }
}
