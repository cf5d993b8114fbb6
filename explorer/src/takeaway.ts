/** Taking the view elsewhere: addresses of tiles and item, a script, a crop, and the files themselves. */

import { cropUrl, itemUrl, srItemUrl, tilejsonUrl, tileTemplate, wmtsUrl } from "./addresses";
import { isWebAddress, root } from "./config";
import { code, copyable } from "./copy";
import { h } from "./dom";
import type { Picture } from "./imagery";
import { pictureSnippet } from "./snippet";
import type { Asset, Bbox, Item } from "./stac";
import type { Position } from "./state";
import { layerText } from "./swipe";

/** Writes a number of bytes for people. */
export function bytesText(bytes: number | undefined): string {
  if (bytes === undefined) return "";
  const units = ["B", "kB", "MB", "GB"];
  const power = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), units.length - 1);
  return `${(bytes / 1000 ** power).toFixed(power === 0 ? 0 : 1)} ${units[power]}`;
}

/** Returns what to cut out: the polygon's bounds, else what is in view, inside the place. */
export function cropBounds(place: Bbox, view: Bbox, shape: readonly Position[]): Bbox {
  const [lons, lats] = [shape.map(([lon]) => lon), shape.map(([, lat]) => lat)];
  const wanted: Bbox =
    shape.length >= 3 ? [Math.min(...lons), Math.min(...lats), Math.max(...lons), Math.max(...lats)] : view;
  const cut: Bbox = [
    Math.max(place[0], wanted[0]),
    Math.max(place[1], wanted[1]),
    Math.min(place[2], wanted[2]),
    Math.min(place[3], wanted[3]),
  ];
  return cut[0] < cut[2] && cut[1] < cut[3] ? cut : place;
}

function assetRow(key: string, asset: Asset): HTMLElement {
  const kind = asset.type?.includes("geotiff") ? "COG" : (asset.type?.split("/").at(-1) ?? "");
  const about = [kind, bytesText(asset["file:size"])].filter((part) => part !== "").join(", ");
  const name = asset.href.split("/").at(-1) ?? key;
  const href = isWebAddress(asset.href, root()) ? asset.href : null;
  return h("li", {}, h("a", { href, download: name }, asset.title ?? key), h("small", {}, about));
}

function fileList(item: Item): HTMLElement[] {
  const size = (asset: Asset): number => asset["file:size"] ?? 0;
  const largestFirst = Object.entries(item.assets ?? {}).sort(([, a], [, b]) => size(b) - size(a));
  const rows = largestFirst.map(([key, asset]) => assetRow(key, asset));
  return [h("h4", {}, String(item.properties["title"] ?? item.id)), h("ul", {}, ...rows)];
}

/** What is taken away. */
export interface Taken {
  /** Left and right of the swipe. */
  pictures: Picture[];
  items: Item[];
  place: Bbox;
  /** What is in view, asked for when it is needed. */
  view: () => Bbox;
  shape: readonly Position[];
}

export class Takeaway {
  private readonly pictures = h("div", {});
  private readonly files = h("div", {});
  private readonly details = h("details", { class: "files" }, h("summary", {}, "Download files"), this.files);
  readonly element = h("div", {}, this.pictures, h("section", {}, this.details));

  show(taken: Taken): void {
    this.pictures.replaceChildren(...taken.pictures.map((picture) => this.section(picture, taken)));
    this.files.replaceChildren(...taken.items.flatMap(fileList));
  }

  private section(picture: Picture, { place, view, shape }: Taken): HTMLElement {
    const { layer, item } = picture;
    const crop = (format: "tif" | "png", title: string): HTMLElement => {
      const link = h("a", { href: cropUrl(layer, item, place, format), download: "" }, title);
      // The map has moved since: what is cut out is what is seen when the link is followed.
      link.addEventListener(
        "click",
        () => (link.href = cropUrl(layer, item, cropBounds(place, view(), shape), format)),
      );
      return link;
    };
    const stac = layer.sensor === "sr" ? srItemUrl(item) : itemUrl(layer.collection, item);
    const link = (href: string, title: string): HTMLElement => h("a", { href }, title);
    return h(
      "section",
      { class: "taken", "data-layer": layer.id },
      h("h3", {}, layerText(layer)),
      copyable("Tiles (XYZ)", tileTemplate(layer, item, "png")),
      copyable("WMTS", wmtsUrl(layer, item)),
      h("p", { class: "links" }, link(stac, "STAC item"), link(tilejsonUrl(layer, item), "TileJSON")),
      h("p", { class: "links" }, "Crop:", crop("tif", "GeoTIFF"), crop("png", "PNG")),
      code(`Python for ${layerText(layer)}`, pictureSnippet(picture, shape)),
    );
  }
}
