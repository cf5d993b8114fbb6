/** Texts that can be copied. */

import { h } from "./dom";

async function copy(text: string, button: HTMLButtonElement, select: () => void): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    // Without https there is no clipboard: the text is selected, one key away.
    select();
    button.textContent = "Press Ctrl+C";
  }
  setTimeout(() => (button.textContent = "Copy"), 2000);
}

function copyButton(label: string, text: string, select: () => void): HTMLButtonElement {
  const button = h("button", { type: "button", class: "copy", "aria-label": `Copy: ${label}` }, "Copy");
  button.addEventListener("click", () => void copy(text, button, select));
  return button;
}

/** One line, such as an address. */
export function copyable(label: string, text: string): HTMLElement {
  const field = h("input", { type: "text", readonly: true, value: text, "aria-label": label });
  const button = copyButton(label, text, () => field.select());
  return h("div", { class: "copyable" }, h("span", { class: "copy-label" }, label), field, button);
}

/** Several lines, such as a script. */
export function code(label: string, text: string): HTMLElement {
  const block = h("pre", { tabindex: 0, "aria-label": label }, h("code", {}, text));
  const button = copyButton(label, text, () => getSelection()?.selectAllChildren(block));
  return h("div", { class: "code" }, block, button);
}
