/** Choosing what is left and right of the swipe, and what veils both. */

import { h } from "./dom";
import { key } from "./key";
import { isSynthetic, SENSOR_NAME, SENSORS, type Layer, type Pictures, type Sensor } from "./layers";
import { OVERLAYS, type Overlay, type View } from "./state";

type Where = "left" | "right";
const GRAIN: Record<Sensor, string> = { sentinel2: "10 m", sr: "2.5 m", spot: "1.5 m" };
const OVERLAY_NAME: Record<Overlay, string> = { none: "None", clouds: "Clouds", scl: "Scene classes" };
const SYNTHETIC =
  "Synthetic: a model's estimate from one Sentinel-2 image, not a measurement. Details finer than about 6 m are invented; where a cloud may have reached, nothing is shown.";

/** A radio button that looks like a part of one control. */
function segment(name: string, value: string, text: (Node | string)[], choose: () => void): HTMLElement {
  const input = h("input", { type: "radio", name, value, onchange: choose });
  return h("label", { class: "segment" }, input, h("span", {}, ...text));
}

/** The controls of one side. */
class SidePicker {
  private readonly select = h("select", {});
  private readonly key = h("div", { class: "key" });
  private readonly warning = h("p", { class: "synthetic-note", hidden: true }, SYNTHETIC);
  readonly element: HTMLElement;
  private pictures: Pictures | null = null;
  private listed = "";

  constructor(
    readonly where: Where,
    private readonly choose: (id: string) => void,
  ) {
    const title = where === "left" ? "Left of the swipe" : "Right of the swipe";
    this.select.setAttribute("aria-label", `Picture ${title.toLowerCase()}`);
    this.select.addEventListener("change", () => choose(`${this.sensor}.${this.select.value}`));
    const segments = SENSORS.map((sensor) =>
      segment(`sensor-${where}`, sensor, [SENSOR_NAME[sensor], h("small", {}, GRAIN[sensor])], () =>
        this.switch(sensor),
      ),
    );
    this.element = h(
      "fieldset",
      { class: "side-picker" },
      h("legend", {}, title),
      h("div", { class: "segments" }, ...segments),
      this.select,
      this.key,
      this.warning,
    );
  }

  private get sensor(): string {
    return this.element.querySelector<HTMLInputElement>("input:checked")?.value ?? "sentinel2";
  }

  /** Keeps the picture where the other sensor has it too. */
  private switch(sensor: Sensor): void {
    const same = this.pictures?.layer(`${sensor}.${this.select.value}`);
    this.choose(same?.id ?? `${sensor}.true-color`);
  }

  show(pictures: Pictures, layer: Layer, usable: (sensor: Sensor) => boolean): void {
    this.pictures = pictures;
    for (const input of this.element.querySelectorAll("input")) {
      input.checked = input.value === layer.sensor;
      input.disabled = !usable(input.value as Sensor);
    }
    this.list(pictures, layer.sensor);
    this.select.value = layer.id.slice(layer.sensor.length + 1);
    this.warning.hidden = !isSynthetic(layer);
    void this.explain(layer);
  }

  private list(pictures: Pictures, sensor: Sensor): void {
    if (this.listed === sensor) return;
    this.listed = sensor;
    const groups = new Map<string, HTMLElement>();
    for (const { group, name, title } of pictures.choices(sensor)) {
      const parent = groups.get(group) ?? h("optgroup", { label: group });
      groups.set(group, parent);
      parent.append(h("option", { value: name }, title));
    }
    this.select.replaceChildren(...groups.values());
  }

  private explained = "";
  private async explain(layer: Layer): Promise<void> {
    this.explained = layer.id;
    const words = await key(layer);
    if (this.explained === layer.id) this.key.replaceChildren(...words);
  }
}

export class Picker {
  private readonly sides: Record<Where, SidePicker>;
  private readonly overlays: HTMLElement;
  readonly element: HTMLElement;

  constructor(change: (patch: Partial<View>) => void, swap: () => void) {
    this.sides = {
      left: new SidePicker("left", (left) => change({ left })),
      right: new SidePicker("right", (right) => change({ right })),
    };
    const segments = OVERLAYS.map((overlay) =>
      segment("overlay", overlay, [OVERLAY_NAME[overlay]], () => change({ overlay })),
    );
    this.overlays = h("fieldset", { class: "side-picker" }, h("legend", {}, "Over both, of this revisit"), h("div", { class: "segments" }, ...segments)); // prettier-ignore
    const swapButton = h("button", { type: "button", class: "text-button swap", onclick: swap }, "⇄ Swap sides");
    this.element = h("div", {}, this.sides.left.element, swapButton, this.sides.right.element, this.overlays);
  }

  show(
    pictures: Pictures,
    shown: Record<Where, Layer>,
    overlay: Overlay,
    usable: { sensor: (sensor: Sensor) => boolean; overlay: (overlay: Overlay) => boolean },
  ): void {
    this.sides.left.show(pictures, shown.left, usable.sensor);
    this.sides.right.show(pictures, shown.right, usable.sensor);
    for (const input of this.overlays.querySelectorAll("input")) {
      input.checked = input.value === overlay;
      input.disabled = !usable.overlay(input.value as Overlay);
    }
  }
}
