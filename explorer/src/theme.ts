/** Colours, named once in style/theme.css for light and for dark, handed to the map. */

import type { Scheme } from "./state";

export const SOURCES = ["Landcover", "UNHCR", "ASMSpotter", "Amnesty"] as const;
export const IPCC = ["Agriculture", "Forest", "Grassland", "Settlement", "Wetland", "Water", "Other"] as const;
/** The categories of a scheme, in the order of the legend. */
export const CATEGORIES: Record<Scheme, readonly string[]> = { source: SOURCES, ipcc: IPCC };

/** Why a place is in the dataset, by its source. */
export const SOURCE_MEANING: Record<string, string> = {
  Landcover: "stratified by land use",
  UNHCR: "refugee settlements",
  ASMSpotter: "artisanal mines",
  Amnesty: "human-rights sites",
};

/** Returns the CSS class of a category: `source-unhcr`, `ipcc-forest`. */
export const categoryClass = (scheme: Scheme, category: string | null): string =>
  `${scheme}-${(category ?? "none").toLowerCase().replace(/[^a-z]+/g, "-")}`;

/** Returns the value of a colour of theme.css, such as `land` for `--land`. */
export const color = (name: string): string =>
  getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

export const categoryColor = (scheme: Scheme, category: string): string =>
  color(categoryClass(scheme, category)) || color("source-other");

/** Calls back when the system changes between light and dark. */
export function onThemeChange(listener: () => void): void {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", listener);
}
