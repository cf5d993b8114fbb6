/** The page, as a table of contents. */

import { fetchPlaces, isAbort, ServerError } from "./api";
import { Bar, writeCredits } from "./bar";
import type { Charts } from "./charts";
import { basemap } from "./config";
import { countImages, facetCounts, matchingPlaces } from "./counts";
import { Facets, type Labels } from "./facets";
import { isFiltered, NONE, type Filters } from "./filters";
import { Finder } from "./finder";
import { Legend } from "./legend";
import { notify, notifyEmpty } from "./notice";
import type { Place } from "./place";
import type { Scene } from "./scene";
import { Selection } from "./selection";
import { ViewState, type View } from "./state";
import "./style.css";

const SPLIT_NAME: Record<string, string> = { train: "Training", val: "Validation", test: "Test" };

/** The world: all places, those that match, and the words about them. */
class Page {
  private readonly state = new ViewState();
  private readonly all = new Map<string, Place>();
  private readonly finder: Finder;
  private readonly facets: Facets;
  private readonly legend = new Legend((scheme) => this.state.change({ scheme }));
  private readonly selection = new Selection();
  private readonly bar: Bar;
  private scene: Scene | null = null;
  private charts: Promise<Charts> | null = null;
  private matching: Set<string> | null = null;
  private counting = new AbortController();
  private images: number | null = null;
  private counts: Awaited<ReturnType<typeof facetCounts>> | null = null;
  private loaded = false;

  constructor() {
    const filter = (filters: Filters): void => this.state.change({ filters, aoi: null });
    this.finder = new Finder({
      places: () => [...this.all.values()],
      where: (place) => this.scene?.country(place) ?? null,
      choose: (aoi) => this.state.change({ aoi, revisit: 1, charts: false }),
      words: (q) => filter({ ...this.state.current.filters, q }),
    });
    this.facets = new Facets(this.labels, filter);
    this.bar = new Bar(this.finder, this.facets, this.selection.element, () => this.state.change({ charts: true }));
    this.state.onChange((view, before) => this.follow(view, before));
  }

  async start(): Promise<void> {
    writeCredits(basemap());
    this.follow(this.state.current, null);
    const loading = this.load();
    const { createScene } = await import("./scene");
    this.scene = await createScene(this.state, (slug) => this.all.get(slug));
    this.show();
    await loading;
  }

  /** Returns what a class is called: codes have their label in the places. */
  private readonly labels: Labels = (facet, key) => {
    if (key === NONE) return "Not said";
    if (facet === "split") return SPLIT_NAME[key] ?? key;
    if (facet !== "lccs" && facet !== "smod") return key;
    const code = facet === "lccs" ? "lccsCode" : "smodCode";
    for (const place of this.all.values()) if (place[code] === key) return place[facet] ?? key;
    return key;
  };

  private follow(view: View, before: View | null): void {
    if (view.filters !== before?.filters) void this.filter(view.filters);
    if ((view.aoi === null) !== (before === null || before.aoi === null)) this.bar.visiting(view.aoi !== null);
    if (view.scheme !== before?.scheme) this.legend.show(view.scheme);
    if (view.charts !== (before?.charts ?? false) || (view.charts && view.filters !== before?.filters)) void this.chart(view); // prettier-ignore
  }

  private async chart({ charts, filters }: View): Promise<void> {
    // Classes have their names from the places: `load` comes back when these are here.
    if (charts ? !this.loaded : this.charts === null) return;
    this.charts ??= import("./charts").then(({ Charts }) => new Charts(this.labels, () => this.closeCharts()));
    const page = await this.charts;
    if (charts) await page.show(filters);
    else page.hide();
  }

  private closeCharts(): void {
    this.state.change({ charts: false });
    document.getElementById("open-charts")?.focus();
  }

  /** Loads all places, page by page. */
  private async load(): Promise<void> {
    try {
      for await (const page of fetchPlaces()) {
        for (const place of page) this.all.set(place.slug, place);
        this.bar.loading(this.all.size);
        this.show();
      }
      this.loaded = true;
      if (this.all.size === 0) notifyEmpty();
      this.report();
      if (this.state.current.charts) void this.chart(this.state.current);
      document.body.classList.remove("loading");
    } catch (error) {
      this.fail("The places could not be loaded.", error, () => void this.load());
    }
  }

  /** Shows what matches, and counts it. */
  private async filter(filters: Filters): Promise<void> {
    this.counting.abort();
    this.counting = new AbortController();
    const { signal } = this.counting;
    this.finder.set(filters.q);
    this.facets.set(filters);
    this.bar.filtered(filters);
    this.selection.show(filters);
    document.body.classList.add("counting");
    try {
      const [matching, images, counts] = await Promise.all([
        isFiltered(filters) ? matchingPlaces(filters, signal) : null,
        countImages(filters, signal),
        facetCounts(filters, signal),
      ]);
      this.matching = matching;
      this.counts = counts;
      this.show();
      this.images = images;
      this.report();
      if (this.state.current.charts) void this.chart(this.state.current);
      document.body.classList.remove("counting");
    } catch (error) {
      this.fail("The filters could not be applied.", error, () => void this.filter(this.state.current.filters));
    }
  }

  /** Says how many places and images match, of each class at once, of all once all places are here. */
  private report(): void {
    const { size } = this.all;
    // Codes have their labels from the places: both must be here.
    if (this.counts !== null) this.facets.count(this.counts);
    if (this.loaded) this.bar.matched(this.state.current.filters, this.matching?.size ?? size, size, this.images);
  }

  private show(): void {
    const { matching } = this;
    this.scene?.show([...this.all.values()].filter(({ slug }) => matching?.has(slug) ?? true));
  }

  private fail(message: string, error: unknown, again: () => void): void {
    if (isAbort(error)) return;
    if (!(error instanceof ServerError)) throw error;
    notify(message, error.message, { label: "Try again", run: again });
  }
}

new Page().start().catch((error: unknown) => {
  notify("This page could not start.", error instanceof Error ? error.message : String(error));
  throw error;
});
