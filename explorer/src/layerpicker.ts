/** Choosing what is drawn: one layer of one sensor, and how much of what lies under it shines through. */

import { h } from "./dom";
import type { Layer, Sensor } from "./layers";

const SENSORS: Record<Sensor, string> = { spot: "SPOT 6/7, 1.5 m", sentinel2: "Sentinel-2, 10 m" };
/** Diverging and sequential ramps of the colormaps that stored renders use, low to high. */
const RAMPS: Record<string, string> = {
  rdylgn: "#a50026, #f46d43, #fee08b, #ffffbf, #d9ef8b, #66bd63, #006837",
  viridis: "#440154, #3b528b, #21918c, #5ec962, #fde725",
  gray: "#000, #fff",
};

/** Radio buttons for the layers, the opacity, and the meaning of the colours. */
export class LayerPicker {
  private readonly groups = h("div", { class: "layer-groups" });
  private readonly key = h("div", { class: "key" });
  private readonly slider = h("input", { type: "range", min: 0, max: 100, value: 100 });
  private readonly mix = h("label", { class: "mix" }, h("span", {}, "Opacity over Sentinel-2"), this.slider);
  readonly element = h("section", { "aria-label": "Layer" }, this.groups, this.mix, this.key);

  constructor(
    private readonly choose: (layer: string) => void,
    blend: (opacity: number) => void,
  ) {
    this.slider.addEventListener("input", () => blend(this.opacity));
  }

  get opacity(): number {
    return Number(this.slider.value) / 100;
  }

  /** Offers these layers, of which `drawable` can be chosen here and `chosen` is; `mixable` with another below it. */
  show(layers: Layer[], drawable: Layer[], chosen: Layer, mixable: boolean): void {
    if (this.groups.childElementCount === 0) this.groups.append(...this.fieldsets(layers));
    for (const input of this.groups.querySelectorAll("input")) {
      input.checked = input.value === chosen.id;
      input.disabled = !drawable.some(({ id }) => id === input.value);
    }
    this.mix.hidden = !mixable;
    this.key.replaceChildren(...key(chosen));
  }

  private fieldsets(layers: Layer[]): HTMLElement[] {
    return (Object.keys(SENSORS) as Sensor[]).map((sensor) => {
      const own = layers.filter((layer) => layer.sensor === sensor);
      return h(
        "fieldset",
        { class: "chips" },
        h("legend", {}, SENSORS[sensor]),
        ...own.map((layer) => this.chip(layer)),
      );
    });
  }

  private chip({ id, title, short }: Layer): HTMLElement {
    const input = h("input", { type: "radio", name: "layer", value: id, onchange: () => this.choose(id) });
    return h("label", { class: "chip", title }, input, h("span", {}, short));
  }
}

/** Explains the colours of a layer, where they are not the colours of the ground. */
function key({ title, short, classes, ramp }: Layer): Node[] {
  const gradient = ramp === null ? undefined : RAMPS[ramp.name.replace(/_r$/, "")];
  if (ramp !== null && gradient !== undefined) {
    const bar = h("span", { class: "ramp" });
    bar.style.background = `linear-gradient(${ramp.name.endsWith("_r") ? "to left" : "to right"}, ${gradient})`;
    return [h("span", {}, short), h("span", {}, String(ramp.low)), bar, h("span", {}, String(ramp.high))];
  }
  if (classes.length === 0) return title === short ? [] : [h("span", {}, title)];
  const seen = classes.filter(({ name }) => name !== "no_data");
  return seen.map(({ name, description, color_hint }) => {
    const swatch = h("span", { class: "swatch" });
    swatch.style.background = `#${color_hint ?? "888"}`;
    return h("span", { class: "class" }, swatch, description ?? name);
  });
}
