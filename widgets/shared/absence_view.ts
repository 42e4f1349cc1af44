/** Says whether clients' calls ring at this manager, and lets them say that they are away, or back. */

import { type Api, ApiError } from "./api";
import { el } from "./dom";
import type { Absence, AbsenceRequest } from "./messages";
import type { TextKey, Texts } from "./texts";

const MINUTE = 60;
const HOUR = 60 * MINUTE;

export class AbsenceView {
  readonly element = el("section", { class: "absence" });
  private shown: Absence | null = null;

  constructor(
    private readonly api: Pick<Api, "sayAbsence">,
    private readonly texts: Texts,
    private readonly now: () => Date = () => new Date(),
  ) {}

  show(absence: Absence | null, wrong = ""): void {
    this.shown = absence;
    const sentence = el("p", { class: absence ? "away" : "soft" }, this.sentence(absence));
    const said = wrong ? [el("p", { class: "problem", role: "alert" }, wrong)] : [];
    // What an administrator has said, an administrator takes back.
    const buttons = absence?.by === "administrator" ? [] : [absence ? this.back() : this.leave()];
    this.element.replaceChildren(sentence, ...said, ...buttons);
  }

  private sentence(absence: Absence | null): string {
    if (!absence) return this.texts.say("absence_here");
    const key = absence.by === "administrator" ? "absence_by_administrator" : "absence";
    if (absence.until === null) return this.texts.say(key === "absence" ? "absence_away" : key);
    return this.texts.say(`${key}_until` as TextKey, { time: this.clock(absence.until) });
  }

  /** An hour of today; of another day with its date. */
  private clock(at: number): string {
    const moment = new Date(at * 1000);
    const isToday = moment.toDateString() === this.now().toDateString();
    const day: Intl.DateTimeFormatOptions = isToday ? {} : { day: "numeric", month: "long" };
    return new Intl.DateTimeFormat(this.texts.language, { ...day, hour: "2-digit", minute: "2-digit" }).format(moment);
  }

  private leave(): HTMLElement {
    const choices: [string, number | null][] = [
      [this.texts.say("absence_minutes", { n: "15" }), 15 * MINUTE],
      [this.texts.say("absence_hour"), HOUR],
      [this.texts.say("absence_day"), this.restOfDay()],
      [this.texts.say("absence_open"), null],
    ];
    const buttons = choices.map(([label, seconds]) => this.button(label, { away: true, seconds }));
    const label = el("span", { class: "label", id: "absence-label" }, this.texts.say("absence_label"));
    return el(
      "div",
      { class: "absence_choices", role: "group", "aria-labelledby": "absence-label" },
      label,
      ...buttons,
    );
  }

  private back(): HTMLElement {
    return el("div", { class: "absence_choices" }, this.button(this.texts.say("absence_back"), { away: false }));
  }

  private button(label: string, request: AbsenceRequest): HTMLElement {
    return el("button", { type: "button", class: "button", onclick: () => void this.say(request) }, label);
  }

  private restOfDay(): number {
    const now = this.now();
    const end = new Date(now.getFullYear(), now.getMonth(), now.getDate() + 1);
    return Math.max(MINUTE, Math.round((end.getTime() - now.getTime()) / 1000));
  }

  /** Never rejects: it shows a failure, and the buttons stay. */
  private async say(request: AbsenceRequest): Promise<void> {
    for (const button of this.element.querySelectorAll("button")) button.disabled = true;
    const hadFocus = this.element.contains((this.element.getRootNode() as ShadowRoot).activeElement);
    try {
      this.show((await this.api.sayAbsence(request)).absence);
    } catch (error) {
      const code = error instanceof ApiError ? error.code : "internal";
      const words = this.texts.problem(code, error instanceof Error ? error.message : "");
      this.show(this.shown, words);
    }
    if (hadFocus) this.element.querySelector("button")?.focus();
  }
}
