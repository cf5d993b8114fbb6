/** The world's selection, to go on with elsewhere. */

import { searchUrl } from "./addresses";
import { code } from "./copy";
import { h } from "./dom";
import { collectionOf, searchParameters, type Filters } from "./filters";
import { selectionSnippet } from "./snippet";

export class Selection {
  private readonly content = h("div", {});
  readonly element = h("details", { class: "facet selection" }, h("summary", {}, "Use this selection"), this.content);

  show(filters: Filters): void {
    const link = (format: string, title: string): HTMLElement => {
      const query = searchParameters(filters);
      query.set("f", format);
      return h("a", { href: searchUrl(query.toString()) }, title);
    };
    this.content.replaceChildren(
      h("p", { class: "links" }, link("json", "GeoJSON"), link("csv", "CSV"), link("geoparquet", "GeoParquet")),
      code("Python for this selection", selectionSnippet(filters, collectionOf(filters))),
    );
  }
}
