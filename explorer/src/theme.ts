/** Colours, named once in style/theme.css for light and for dark, handed to the map. */

export const SOURCES = ["Landcover", "UNHCR", "ASMSpotter", "Amnesty"] as const;

/** Why a place is in the dataset, by its source. */
export const SOURCE_MEANING: Record<string, string> = {
  Landcover: "stratified by land use",
  UNHCR: "refugee settlements",
  ASMSpotter: "artisanal mines",
  Amnesty: "human-rights sites",
};

/** Returns the value of a colour of theme.css, such as `land` for `--land`. */
export const color = (name: string): string =>
  getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

export const sourceColor = (source: string): string => color(`source-${source.toLowerCase()}`) || color("source-other");

/** Calls back when the system changes between light and dark. */
export function onThemeChange(listener: () => void): void {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", listener);
}
