/** What the colours of the places mean, and what they are coloured by. */

import { byId, h } from "./dom";
import { SCHEMES, type Scheme } from "./state";
import { CATEGORIES, categoryClass } from "./theme";

const NAME: Record<Scheme, string> = { source: "Source", ipcc: "Land use" };

export class Legend {
  private readonly list = h("ul", { class: "legend" });
  private readonly switch = h("div", { class: "segmented", role: "group", "aria-label": "Colour the places by" });

  constructor(choose: (scheme: Scheme) => void) {
    for (const scheme of SCHEMES) {
      const button = h("button", { type: "button", "data-scheme": scheme }, NAME[scheme]);
      button.addEventListener("click", () => choose(scheme));
      this.switch.append(button);
    }
    byId("legend").replaceChildren(this.switch, this.list);
    byId("legend").hidden = false;
  }

  show(scheme: Scheme): void {
    for (const button of this.switch.querySelectorAll("button"))
      button.setAttribute("aria-pressed", String(button.dataset["scheme"] === scheme));
    const rows = CATEGORIES[scheme].map((category) =>
      h("li", {}, h("span", { class: `dot ${categoryClass(scheme, category)}` }), category),
    );
    this.list.replaceChildren(...rows);
  }
}
