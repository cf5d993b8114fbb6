/** What the colours of a layer mean, as the server's legend says it. */

import { legendUrl } from "./addresses";
import { getJson, ServerError } from "./api";
import { h } from "./dom";
import type { Layer } from "./layers";

interface Legend {
  type: "ramp" | "classes" | "channels";
  range?: [number, number];
  entries?: { value: number; color: string; name: string }[];
  channels?: { color: string; band: string; low: number; high: number }[];
}

const SPECIAL: Record<string, string> = {
  "sr.difference": "Grey: nothing added; black to white: −0.05 to +0.05 reflectance against bicubic interpolation.",
  "sr.uncertainty": "Dark: sure; bright: ±0.05 reflectance and more (half-width of the model's 90 % interval).",
  "sr.bicubic": "Plain interpolation of 10 m pixels: nothing is invented.",
};

function ramp({ range = [0, 1], entries = [] }: Legend): Node[] {
  const bar = h("span", { class: "ramp" });
  bar.style.background = `linear-gradient(to right, ${entries.map(({ color }) => color).join(", ")})`;
  return [h("span", {}, String(range[0])), bar, h("span", {}, String(range[1]))];
}

function classes({ entries = [] }: Legend): Node[] {
  return entries.map(({ color, name }) => {
    const swatch = h("span", { class: "swatch" });
    swatch.style.background = color;
    return h("span", { class: "class" }, swatch, name);
  });
}

function channels({ channels = [] }: Legend): Node[] {
  const plain = channels.every(({ color, band }) => color === band);
  return plain ? [] : channels.map(({ color, band }) => h("span", { class: `channel ${color}` }, band));
}

const known = new Map<string, Promise<Legend>>();

/** Returns the meaning of a layer's colours; nothing for colours that are those of the ground. */
export async function key(layer: Layer): Promise<(Node | string)[]> {
  const special = SPECIAL[layer.id];
  if (special !== undefined) return [special];
  const url = legendUrl(layer);
  const asked = known.get(url) ?? getJson<Legend>(url);
  known.set(url, asked);
  try {
    const legend = await asked;
    return { ramp, classes, channels }[legend.type](legend);
  } catch (error) {
    if (!(error instanceof ServerError)) throw error;
    known.delete(url); // so that it is asked for again
    return ["The meaning of the colours could not be loaded."];
  }
}
