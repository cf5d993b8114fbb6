/** The handle between the two sides: dragged, or moved with the arrow keys. */

import { byId, h } from "./dom";
import { isSynthetic, SENSOR_NAME, type Layer } from "./layers";

const STEP = 2;
const PAGE = 10;
const clamp = (percent: number): number => Math.min(100, Math.max(0, percent));

/** Names a layer for people. */
export const layerText = (layer: Layer): string => `${SENSOR_NAME[layer.sensor]}, ${layer.title}`;

export class Swipe {
  private readonly element = byId("swipe");
  private readonly labels = { left: h("div", { class: "side left" }), right: h("div", { class: "side right" }) };
  private readonly handle = h(
    "div",
    { class: "handle", role: "slider", tabindex: 0, "aria-label": "Swipe", "aria-valuemin": 0, "aria-valuemax": 100 },
    h("span", { "aria-hidden": "true" }, "‹ ›"),
  );
  private percent = 50;
  private texts = ["", ""];

  /** `moved` is called while the handle moves, `left` when it rests. */
  constructor(
    private readonly moved: (percent: number) => void,
    private readonly rested: (percent: number) => void,
  ) {
    this.element.append(this.labels.left, this.handle, this.labels.right);
    this.handle.addEventListener("pointerdown", (event) => this.grab(event));
    this.handle.addEventListener("keydown", (event) => this.key(event));
  }

  show(left: Layer, right: Layer, dates: readonly [string, string], percent: number): void {
    this.element.hidden = false;
    this.texts = [left, right].map(layerText);
    this.label("left", left, dates[0]);
    this.label("right", right, dates[1]);
    this.place(percent);
  }

  hide(): void {
    this.element.hidden = true;
  }

  private label(side: "left" | "right", layer: Layer, date: string): void {
    const synthetic = isSynthetic(layer) ? h("em", { class: "synthetic-mark" }, "synthetic") : null;
    const sensor = h("span", {}, h("strong", {}, SENSOR_NAME[layer.sensor]), synthetic);
    this.labels[side].replaceChildren(sensor, h("small", {}, `${layer.title} · ${date}`));
  }

  private place(percent: number): void {
    this.percent = clamp(percent);
    this.element.style.left = `${this.percent}%`;
    const rounded = Math.round(this.percent);
    this.handle.setAttribute("aria-valuenow", String(rounded));
    this.handle.setAttribute("aria-valuetext", `${rounded} % ${this.texts[0]}; then ${this.texts[1]}`);
    this.moved(this.percent);
  }

  private grab(event: PointerEvent): void {
    event.preventDefault();
    this.handle.focus();
    this.handle.setPointerCapture(event.pointerId);
    const move = ({ clientX }: PointerEvent): void => this.place((100 * clientX) / innerWidth);
    const end = (): void => {
      this.handle.removeEventListener("pointermove", move);
      this.rested(this.percent);
    };
    this.handle.addEventListener("pointermove", move);
    this.handle.addEventListener("pointerup", end, { once: true });
    this.handle.addEventListener("pointercancel", end, { once: true });
  }

  private key(event: KeyboardEvent): void {
    const by = { ArrowLeft: -STEP, ArrowRight: STEP, PageDown: -PAGE, PageUp: PAGE, Home: -100, End: 100 }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    this.place(this.percent + by);
    this.rested(this.percent);
  }
}
