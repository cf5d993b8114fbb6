/** Taking the view elsewhere: addresses of the tiles and the item, and the files themselves. */

import { itemUrl, tilejsonUrl, tileTemplate } from "./addresses";
import { h } from "./dom";
import type { Picture } from "./imagery";
import type { Asset, Item } from "./stac";

/** Writes a number of bytes for people. */
export function bytesText(bytes: number | undefined): string {
  if (bytes === undefined) return "";
  const units = ["B", "kB", "MB", "GB"];
  const power = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), units.length - 1);
  return `${(bytes / 1000 ** power).toFixed(power === 0 ? 0 : 1)} ${units[power]}`;
}

async function copy(text: string, button: HTMLButtonElement, field: HTMLInputElement): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    // Without https there is no clipboard: the text is selected, one key away.
    field.select();
    button.textContent = "Press Ctrl+C";
  }
  setTimeout(() => (button.textContent = "Copy"), 2000);
}

function copyable(label: string, text: string): HTMLElement {
  const field = h("input", { type: "text", readonly: true, value: text, "aria-label": label });
  const button = h("button", { type: "button", "aria-label": `Copy: ${label}` }, "Copy");
  button.addEventListener("click", () => void copy(text, button, field));
  return h("div", { class: "copyable" }, field, button);
}

function assetRow(key: string, asset: Asset): HTMLElement {
  const kind = asset.type?.includes("geotiff") ? "COG" : (asset.type?.split("/").at(-1) ?? "");
  const about = [kind, bytesText(asset["file:size"])].filter((part) => part !== "").join(", ");
  const name = asset.href.split("/").at(-1) ?? key;
  return h("li", {}, h("a", { href: asset.href, download: name }, asset.title ?? key), h("small", {}, about));
}

function fileList(item: Item): HTMLElement[] {
  const size = (asset: Asset): number => asset["file:size"] ?? 0;
  const largestFirst = Object.entries(item.assets ?? {}).sort(([, a], [, b]) => size(b) - size(a));
  const rows = largestFirst.map(([key, asset]) => assetRow(key, asset));
  return [h("h4", {}, String(item.properties["title"] ?? item.id)), h("ul", {}, ...rows)];
}

/** The section of links: addresses of the picture, files of its place. */
export class Takeaway {
  private readonly links = h("div", {});
  private readonly files = h("div", {});
  private readonly details = h("details", { class: "files" }, h("summary", {}, "Download files"), this.files);
  readonly element = h("section", {}, h("h3", {}, "Take it away"), this.links, this.details);

  show({ layer, item }: Picture, items: Item[]): void {
    const tilejson = h("a", { href: tilejsonUrl(layer, item) }, "TileJSON");
    const stac = h("a", { href: itemUrl(layer.collection, item) }, "STAC item");
    this.links.replaceChildren(
      copyable("Address of the tiles (XYZ)", tileTemplate(layer, item, "png")),
      h("p", { class: "links" }, stac, tilejson),
    );
    this.files.replaceChildren(...items.flatMap(fileList));
  }
}
