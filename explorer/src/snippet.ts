/** Python for exactly what is chosen, with pystac-client and odc-stac. */

import { srItemUrl } from "./addresses";
import { root } from "./config";
import { cql2, interval, searchParameters, type Filters } from "./filters";
import type { Picture } from "./imagery";
import type { Position } from "./state";

/** Sentinel-2's bands by the names that expressions use: the red-edge bands share one common name. */
const BAND: Record<string, string> = {
  coastal: "B01",
  blue: "B02",
  green: "B03",
  red: "B04",
  rededge071: "B05",
  rededge075: "B06",
  rededge078: "B07",
  nir: "B08",
  nir08: "B8A",
  nir09: "B09",
  swir16: "B11",
  swir22: "B12",
};
/** The functions of the server's expressions; nothing else that a catalog might name is called. */
const FUNCTION = new Map([
  ["where", "xr.where"],
  ["abs", "abs"],
  ...["minimum", "maximum", "clip", "sqrt", "exp", "log", "log10", "floor", "ceil", "sin", "cos", "arctan2"].map(
    (name): [string, string] => [name, `np.${name}`],
  ),
]);

const text = (value: string): string => JSON.stringify(value);

/** Translates an expression of ours to Python over `pixels`; returns it with the bands that it takes. */
export function pythonExpression(
  expression: string,
  rename: (band: string) => string,
): { code: string; bands: string[] } {
  const bands = new Set<string>();
  const code = expression.replace(/[A-Za-z_]\w*/g, (word, at: number) => {
    const called = expression[at + word.length] === "(" ? FUNCTION.get(word) : undefined;
    if (called !== undefined) return called;
    bands.add(rename(word));
    return `pixels.${rename(word)}`;
  });
  return { code, bands: [...bands] };
}

const client = (): string => `catalog = pystac_client.Client.open(${text(`${root()}stac`)})`;

/** Lines that find the item: in the catalog, or, super-resolved, made on demand. */
function finding({ layer, item }: Picture): string[] {
  if (layer.sensor !== "sr")
    return [
      client(),
      `search = catalog.search(collections=[${text(layer.collection)}], ids=[${text(item)}])`,
      "items = list(search.items())",
    ];
  return [
    "# Synthetic: a model's estimate at 2.5 m from one Sentinel-2 image, not a measurement.",
    `item = pystac.Item.from_file(${text(srItemUrl(item))})`,
    'path, _ = urlretrieve(item.assets["sr"].href, item.id + ".tif")',
    'item.assets["sr"].href = Path(path).resolve().as_uri()',
    "items = [item]",
  ];
}

/** Prints the value at a point, or the mean of everything. */
function printed(name: string, shape: readonly Position[]): string {
  const [point] = shape;
  if (point === undefined || shape.length > 1) return `print(${name}.mean())`;
  const at = `longitude=${point[0].toFixed(6)}, latitude=${point[1].toFixed(6)}, method="nearest"`;
  return name === "values" ? `print(values.sel(${at}).item())` : `print(pixels.sel(${at}))`;
}

/** Returns a script that loads one picture and, with a point, reads its value there. */
export function pictureSnippet(picture: Picture, shape: readonly Position[]): string {
  const { layer } = picture;
  const sr = layer.sensor === "sr";
  const rename = (band: string): string => (layer.sensor === "spot" ? band : (BAND[band] ?? band));
  const { code, bands } = pythonExpression(layer.expression ?? "", rename);
  const wanted = layer.expression === null ? layer.bands.map(rename) : bands;
  const classes = layer.classes;
  const name = layer.expression === null ? "pixels" : "values";
  const used = (word: string): boolean => code.includes(word);
  return [
    ...(sr ? ["from pathlib import Path", "from urllib.request import urlretrieve", ""] : []),
    ...(used("np.") ? ["import numpy as np"] : []),
    "import odc.stac",
    ...(sr ? ["import pystac"] : ["import pystac_client"]),
    ...(used("xr.") ? ["import xarray as xr"] : []),
    "",
    ...finding(picture),
    `pixels = odc.stac.load(items, bands=[${wanted.map(text).join(", ")}])`,
    ...(classes ? [] : ["pixels = pixels.where(pixels > 0) * 0.0001  # reflectance"]),
    ...(layer.expression === null ? [] : [`values = ${code}`]),
    printed(name, shape),
    "",
  ].join("\n");
}

/** Most items of one answer; pystac-client asks for further pages, but has no words to search for. */
const PAGE = 1000;
const EACH = ["for item in items:", '    print(item.id, item.properties["worldstrat:ipcc"])', ""];

/** Returns a script that finds what the filters of the world find. */
export function selectionSnippet(filters: Filters, collection: string): string {
  if (filters.q !== "") return wordsSnippet(filters, collection);
  const [filter, datetime] = [cql2(filters), interval(filters)];
  return [
    "import pystac_client",
    "",
    client(),
    "search = catalog.search(",
    `    collections=[${text(collection)}],`,
    ...(filter === "" ? [] : [`    filter=${text(filter)},`, '    filter_lang="cql2-text",', '    method="GET",']),
    ...(datetime === null ? [] : [`    datetime=${text(datetime)},`]),
    ")",
    "items = search.item_collection()",
    'print(len(items), "images")',
    ...EACH,
  ].join("\n");
}

function wordsSnippet(filters: Filters, collection: string): string {
  const parameters = [...searchParameters(filters, collection), ["limit", String(PAGE)]];
  const lines = parameters.map(([name = "", value = ""]) => `    ${text(name)}: ${text(value)},`);
  return [
    "from urllib.parse import urlencode",
    "",
    "import pystac",
    "",
    "parameters = {",
    ...lines,
    "}",
    `# At most ${PAGE.toLocaleString("en")} images: one page.`,
    `items = pystac.ItemCollection.from_file(${text(`${root()}stac/search?`)} + urlencode(parameters))`,
    'print(len(items), "images")',
    ...EACH,
  ].join("\n");
}
