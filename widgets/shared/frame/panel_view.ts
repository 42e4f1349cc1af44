/** The page of its own: a number to call, the cards of all calls, and the person's state with what they may change. */

import type { Api } from "../api";
import { el, icon } from "../dom";
import { StatusView } from "../status_view";
import type { Texts } from "../texts";
import type { Say } from "./texts";

export class PanelView {
  readonly element: HTMLElement;
  /** Where the cards go. */
  readonly cards = el("div", { class: "cards" });
  /** Where the manager's own list goes. */
  readonly list = el("div", { class: "own_list" });
  private readonly empty: HTMLElement;
  private readonly status: StatusView;

  constructor(
    api: Api,
    texts: Texts,
    say: Say,
    backend: string,
    actions: { dial(number: string): void; open(url: string): void },
  ) {
    const field = el("input", {
      type: "tel",
      name: "number",
      autocomplete: "off",
      maxlength: "100",
      "aria-label": say("number"),
      placeholder: say("number"),
      required: true,
    });
    const form = el(
      "form",
      {
        class: "dial",
        onsubmit: (event: Event) => {
          event.preventDefault();
          if (field.value.trim()) actions.dial(field.value);
        },
      },
      field,
      el("button", { type: "submit", class: "main" }, icon("phone"), say("call")),
    );
    this.empty = el("p", { class: "soft empty" }, say("panel_empty"));
    this.status = new StatusView(api, texts, backend, actions.open, true);
    this.element = el(
      "div",
      { class: "panel_page" },
      el("section", {}, el("h1", {}, say("panel_title")), form, this.cards, this.empty),
      this.list,
      el("section", { class: "state" }, this.status.element),
    );
  }

  /** Whether any card is shown. */
  setEmpty(empty: boolean): void {
    this.empty.hidden = !empty;
  }

  refresh(): Promise<void> {
    return this.status.refresh();
  }
}
