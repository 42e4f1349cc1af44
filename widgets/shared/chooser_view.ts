/** Which of several contacts with one number is calling: a line that says how many, and a list to choose from. */

import { el, foreign, icon } from "./dom";
import type { Candidate, CardCall } from "./messages";
import type { Texts } from "./texts";

export class ChooserView {
  readonly element = el("div", { class: "chooser", hidden: true });
  private call: CardCall | null = null;
  private built = "";
  private isOpen = false;
  private isWaiting = false;

  constructor(
    private readonly texts: Texts,
    /** Resolves when another press counts again. */
    private readonly choose: (call: CardCall, candidate: Candidate) => Promise<void>,
  ) {}

  update(call: CardCall): void {
    this.call = call;
    const { persons, person, chosen_by, persons_count, state } = call;
    const key = JSON.stringify([persons, person?.kind, person?.id, chosen_by, persons_count, state === "ended"]);
    if (key === this.built) return;
    this.built = key;
    if (state === "ended") this.isOpen = false;
    this.isWaiting = false;
    this.show();
  }

  private show(): void {
    const { element } = this;
    const call = this.call;
    const texts = this.texts;
    element.hidden = !call || call.persons_count < 2 || call.person === null;
    if (!call || element.hidden) return element.replaceChildren();
    const focused = this.focusedPlace();
    const many = el("span", {}, texts.say("several_people", { n: call.persons_count }));
    const chosen =
      call.chosen_by && el("p", { class: "note" }, texts.say("chosen_by"), " ", foreign(call.chosen_by.name));
    if (call.state === "ended" || call.persons.length < 2) {
      return element.replaceChildren(el("p", { class: "note" }, many), ...(chosen ? [chosen] : []));
    }
    const onclick = () => this.toggle(!this.isOpen);
    const toggle = el(
      "button",
      { type: "button", class: "disclosure", "aria-expanded": String(this.isOpen), onclick },
      many,
      el("span", { class: "act" }, texts.say(this.isOpen ? "hide" : "choose")),
      icon("chevron"),
    );
    const rows = this.isOpen ? [this.list(call)] : [];
    element.replaceChildren(toggle, ...(chosen ? [chosen] : []), ...rows);
    if (focused !== null) element.querySelectorAll("button")[focused]?.focus();
  }

  /** Which of the buttons has the keyboard's focus, so that an update keeps it. */
  private focusedPlace(): number | null {
    const active = (this.element.getRootNode() as Partial<ShadowRoot>).activeElement ?? null;
    const place = [...this.element.querySelectorAll("button")].indexOf(active as HTMLButtonElement);
    return place < 0 ? null : place;
  }

  private list(call: CardCall): HTMLElement {
    const onkeydown = (event: Event) => {
      if ((event as KeyboardEvent).key !== "Escape") return;
      event.stopPropagation();
      this.toggle(false);
    };
    const rows = call.persons.map((one) => el("li", {}, this.row(call, one)));
    return el("ul", { class: "candidates", onkeydown }, ...rows);
  }

  private row(call: CardCall, candidate: Candidate): HTMLElement {
    const { texts } = this;
    const isIt = candidate.kind === call.person?.kind && candidate.id === call.person.id;
    const kind = candidate.kind === "contact" ? candidate.company : texts.say(candidate.kind);
    const details = [kind, candidate.responsible];
    const sub = details.filter((each): each is string => !!each).map((each) => el("span", {}, foreign(each)));
    const onclick = () => this.press(call, candidate);
    return el(
      "button",
      {
        type: "button",
        class: "candidate",
        "aria-pressed": String(isIt),
        "aria-disabled": String(this.isWaiting),
        onclick,
      },
      el("span", { class: "mark" }, isIt && icon("check")),
      el(
        "span",
        { class: "names" },
        foreign(candidate.name || texts.say("unnamed")),
        el("span", { class: "sub" }, ...sub),
      ),
    );
  }

  /** Not `disabled` while it waits: a disabled button loses the keyboard's focus. */
  private press(call: CardCall, candidate: Candidate): void {
    if (this.isWaiting) return;
    this.isWaiting = true;
    this.show();
    void this.choose(call, candidate).then(() => {
      this.isWaiting = false;
      this.show();
    });
  }

  private toggle(open: boolean): void {
    this.isOpen = open;
    this.show();
    const next = open ? this.element.querySelector<HTMLElement>(".candidate") : this.element.querySelector("button");
    (next as HTMLElement | null)?.focus();
  }
}
