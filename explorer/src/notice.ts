/** What went wrong, said where it is seen, with something to do about it. */

import { byId, h } from "./dom";

interface Action {
  label: string;
  run: () => void;
}

/** Shows one message instead of the one before. */
export function notify(message: string, detail: Node | string | null = null, action: Action | null = null): void {
  const act = action && h("button", { type: "button", onclick: () => (clearNotice(), action.run()) }, action.label);
  const close = h("button", { type: "button", class: "quiet", "aria-label": "Dismiss", onclick: clearNotice }, "✕");
  const words = h("div", {}, h("strong", {}, message), detail && h("p", {}, detail));
  const box = byId("notice");
  box.replaceChildren(h("div", { class: "card notice" }, words, act, close));
  box.hidden = false;
}

export function clearNotice(): void {
  byId("notice").hidden = true;
}

/** The catalog is there, and empty. */
export function notifyEmpty(): void {
  const detail = h(
    "span",
    {},
    "Fill it with ",
    h("code", {}, "worldstrat ingest FOLDER"),
    ", or make a small one first: ",
  );
  detail.append(h("code", {}, "worldstrat sample FOLDER"), ".");
  notify("There are no places in this catalog yet.", detail);
}
