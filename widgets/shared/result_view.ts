/**
 * The result of a call after it: one of the office's list, and a next step with its time. The comment is the note above
 * (`note_view.ts`), which goes along.
 */

import { ApiError } from "./api";
import { el, foreign, icon } from "./dom";
import { moment } from "./format";
import type { CallNote, NotesAnswer } from "./messages";
import type { NoteDraft } from "./note_draft";
import { isOfficeTime, quickTimes, wallClock } from "./office_time";
import type { Texts } from "./texts";

const MOST_OF_STEP = 300;

export class ResultView {
  readonly element = el("div", { class: "result-form", hidden: true });
  private readonly chips = el("div", { class: "chips", role: "group" });
  private readonly step = el("div", { class: "step" });
  private readonly answer = el("p", { class: "answer", role: "alert" });
  private readonly save: HTMLButtonElement;
  private readonly without: HTMLButtonElement;
  private readonly form: HTMLFormElement;
  private readonly done = el("div", { class: "done-result", hidden: true });
  private offered = false;
  private terms: NotesAnswer | null = null;
  private chosen: string | null = null;
  private planned: { due: HTMLInputElement; text: HTMLInputElement } | null = null;
  private touched = false;
  private sending = false;
  private request: string;

  constructor(
    private readonly texts: Texts,
    private readonly draft: NoteDraft,
    private readonly newRequest: () => string,
    private readonly serverNow: () => number,
  ) {
    this.request = newRequest();
    this.chips.setAttribute("aria-label", texts.say("result"));
    this.save = el("button", { type: "submit", class: "button main" }, texts.say("result_save"));
    const without = () => {
      this.hideStep();
      this.step.querySelector<HTMLElement>("button")?.focus();
    };
    this.without = el(
      "button",
      { type: "button", class: "button", hidden: true, onclick: without },
      texts.say("result_without_step"),
    );
    const onsubmit = (event: Event) => {
      event.preventDefault();
      void this.submit();
    };
    this.form = el(
      "form",
      { onsubmit },
      el("div", { class: "subhead" }, texts.say("result")),
      this.chips,
      this.step,
      this.answer,
      el("div", { class: "actions inner" }, this.save, this.without),
    );
    this.element.append(this.form, this.done);
  }

  /** Whether a person has begun to fill it in. */
  get isOpen(): boolean {
    return this.touched || this.sending;
  }

  /** Whether the result was given and is not being changed. */
  get isDone(): boolean {
    return !this.done.hidden;
  }

  /** What the office offers. */
  offer(terms: NotesAnswer): void {
    this.terms = terms;
    this.draw();
  }

  setOffered(offered: boolean): void {
    if (offered === this.offered) return;
    this.offered = offered;
    this.draw();
  }

  /** The server's note: a result that was given, here or in another window. */
  take(note: CallNote): void {
    if (note.result_at === null || this.isOpen) return;
    this.showDone(note);
  }

  close(): void {
    this.touched = false;
    this.hideStep();
  }

  /** Escape: closes the next step. False: there is nothing to close. */
  escape(): boolean {
    if (!this.planned) return false;
    this.hideStep();
    this.step.querySelector<HTMLElement>("button")?.focus();
    return true;
  }

  private draw(): void {
    this.element.hidden = !this.offered || !this.terms;
    if (this.element.hidden || !this.terms) return;
    if (!this.chips.childElementCount) {
      for (const name of this.terms.results) this.chips.append(this.chip(name));
      this.chips.hidden = !this.terms.results.length;
    }
    if (!this.step.childElementCount) this.hideStep();
  }

  private chip(name: string): HTMLButtonElement {
    const onclick = () => {
      this.choose(this.chosen === name ? null : name);
      this.touched = true;
    };
    return el("button", { type: "button", class: "chip", "aria-pressed": "false", onclick }, foreign(name));
  }

  private choose(name: string | null): void {
    this.chosen = name;
    for (const chip of this.chips.querySelectorAll("button"))
      chip.setAttribute("aria-pressed", String(chip.textContent === name));
  }

  private hideStep(): void {
    this.planned = null;
    this.without.hidden = true;
    const onclick = () => this.showStep();
    const button = el("button", { type: "button", class: "button wide", onclick }, icon("plus"));
    button.append(this.texts.say("result_step"));
    this.step.replaceChildren(...(this.terms?.can_plan ? [button] : []));
  }

  private showStep(step: CallNote["next_step"] = null): void {
    const { texts } = this;
    const zone = this.terms?.zone ?? "";
    const now = this.serverNow();
    const quick = quickTimes(now, zone);
    const due = el("input", {
      type: "datetime-local",
      "aria-label": texts.say("result_due"),
      min: wallClock(now, zone),
    });
    due.value = step ? wallClock(step.due_at, zone) : (quick.find((one) => one.key === "result_tomorrow")?.due ?? "");
    const text = el("input", {
      type: "text",
      maxlength: String(MOST_OF_STEP),
      autocomplete: "off",
      placeholder: texts.say("result_step_text"),
      "aria-label": texts.say("result_step_text"),
    });
    text.value = step?.text ?? "";
    const chips = quick.map((one) => {
      const onclick = () => {
        due.value = quickTimes(this.serverNow(), zone).find((fresh) => fresh.key === one.key)?.due ?? one.due;
        text.focus();
      };
      return el("button", { type: "button", class: "chip", onclick }, texts.say(one.key));
    });
    this.step.replaceChildren(
      text,
      el("div", { class: "chips" }, ...chips),
      due,
      isOfficeTime(now, zone) ? "" : el("p", { class: "sub" }, texts.say("result_office_time", { zone })),
    );
    this.without.hidden = step !== null; // a task that exists stays: it is completed or deleted in the CRM
    this.planned = { due, text };
    this.touched = true;
    if (!step) text.focus();
  }

  private async submit(): Promise<void> {
    const { texts, planned } = this;
    if (this.sending) return;
    if (!this.chosen && !planned && !this.draft.text.trim()) return this.say(texts.say("result_nothing"));
    if (planned && !planned.due.value) {
      planned.due.focus();
      return this.say(texts.say("error_bad_due"));
    }
    this.lock(true);
    this.say("");
    const next_step = planned && { text: planned.text.value.trim(), due: planned.due.value.slice(0, 16) };
    try {
      const note = await this.draft.conclude({ request: this.request, result: this.chosen, next_step });
      this.request = this.newRequest();
      this.touched = false;
      this.lock(false);
      this.showDone(note);
      this.done.querySelector<HTMLElement>("button")?.focus();
    } catch (error) {
      this.lock(false);
      const { code, message } = error instanceof ApiError ? error : { code: "internal", message: "" };
      this.say(texts.problem(code, message));
      if (code === "note_changed") await this.draft.refresh().catch(() => {});
      if (code === "bad_due") planned?.due.focus();
    }
  }

  private say(text: string): void {
    this.answer.textContent = text;
  }

  private lock(locked: boolean): void {
    this.sending = locked;
    this.save.disabled = locked;
    this.save.textContent = this.texts.say(locked ? "saving" : "result_save");
  }

  private showDone(note: CallNote): void {
    const { texts } = this;
    const onclick = () => this.change(note);
    const step = note.next_step;
    const due = step ? `${texts.say("result_task")}: ${moment(step.due_at, this.serverNow(), texts)}` : "";
    this.done.replaceChildren(
      el(
        "p",
        { class: "done", role: "status" },
        icon("check"),
        texts.say("result_saved"),
        note.result ? ": " : "",
        foreign(note.result ?? ""),
      ),
      step ? el("p", { class: "sub" }, step.text ? `${due}, ` : due, foreign(step.text)) : "",
      el("button", { type: "button", class: "button quiet", onclick }, texts.say("result_change")),
    );
    this.form.hidden = true;
    this.done.hidden = false;
  }

  private change(note: CallNote): void {
    this.done.hidden = true;
    this.form.hidden = false;
    this.touched = true;
    this.choose(note.result);
    if (note.next_step && this.terms?.can_plan) this.showStep(note.next_step);
    (this.chips.querySelector<HTMLElement>("button") ?? this.save).focus();
  }
}
