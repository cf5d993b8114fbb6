/** What is being looked at, kept in the address's hash so that a view can be shared. */

export interface View {
  /** The chosen place, or null for the world. */
  aoi: string | null;
  /** Rank of the chosen Sentinel-2 revisit. */
  revisit: number;
  /** Id of the chosen layer: see layers.ts. */
  layer: string;
}

export const FIRST_VIEW: View = { aoi: null, revisit: 1, layer: "spot.true-color" };

/** Reads a view from `#aoi=...&revisit=3&layer=...`; what is missing or malformed takes its first value. */
export function parseHash(hash: string): View {
  const fields = new URLSearchParams(hash.replace(/^#/, ""));
  const revisit = Number(fields.get("revisit") ?? NaN);
  return {
    aoi: fields.get("aoi") || null,
    revisit: Number.isInteger(revisit) && revisit > 0 ? revisit : FIRST_VIEW.revisit,
    layer: fields.get("layer") || FIRST_VIEW.layer,
  };
}

/** Writes a view as a hash; the world has none. */
export function formatHash(view: View): string {
  if (view.aoi === null) return "";
  const { aoi, revisit, layer } = view;
  return `#${new URLSearchParams({ aoi, revisit: String(revisit), layer })}`;
}

/** The one view of the page: changed by `change`, by the address and by the back button. */
export class ViewState {
  private readonly listeners: ((view: View, before: View) => void)[] = [];
  private view: View;

  constructor(private readonly place: Window = window) {
    this.view = parseHash(place.location.hash);
    place.addEventListener("popstate", () => this.accept(parseHash(place.location.hash)));
  }

  get current(): View {
    return this.view;
  }

  onChange(listener: (view: View, before: View) => void): void {
    this.listeners.push(listener);
  }

  /** Changes the view; another place is a new step of the history, anything else replaces the current one. */
  change(patch: Partial<View>): void {
    const view = { ...this.view, ...patch };
    const address = formatHash(view) || this.place.location.pathname + this.place.location.search;
    if (view.aoi === this.view.aoi) this.place.history.replaceState(null, "", address);
    else this.place.history.pushState(null, "", address);
    this.accept(view);
  }

  private accept(view: View): void {
    const before = this.view;
    this.view = view;
    if (formatHash(before) !== formatHash(view)) for (const listener of this.listeners) listener(view, before);
  }
}
