/** The minimised card: one button with the name and the time of its first call, and how many more there are. */

import type { CallView } from "./call_view";
import { el, icon } from "./dom";
import type { CardCall } from "./messages";
import type { Texts } from "./texts";

export class Pill {
  readonly element: HTMLButtonElement;
  private built = "";

  constructor(
    private readonly texts: Texts,
    restore: () => void,
  ) {
    this.element = el("button", { type: "button", class: "pill", title: texts.say("restore"), onclick: restore });
  }

  label(call: CardCall, view: CallView, more: number): void {
    this.element.className = `pill ${call.state}`;
    const built = `${call.id} ${call.state} ${view.title()} ${more}`;
    if (built !== this.built) {
      this.built = built;
      this.element.replaceChildren(
        el("span", { class: "badge" }, icon("phone")),
        // The name that is read out contains the text that is seen, so that speech input finds it.
        el("span", { class: "unseen" }, `${this.texts.say("restore")}: `),
        el("span", { class: "title" }, view.title()),
        el("span", { class: "timer" }),
        ...(more > 0 ? [el("span", { class: "more" }, `+${more}`)] : []),
      );
    }
    const timer = this.element.querySelector(".timer");
    if (timer) timer.textContent = view.shownTime;
  }
}
