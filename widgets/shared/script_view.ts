/** What the manager wants to say on the telephone: shown during the calls, and changed by the manager. */

import { ApiError } from "./api";
import { el } from "./dom";
import type { Texts } from "./texts";

const MOST = 5_000; // characters, as the server takes them

export class ScriptView {
  readonly element: HTMLDetailsElement;
  private readonly shown = el("p", { class: "script" });
  private readonly edit: HTMLButtonElement;
  private readonly form: HTMLFormElement;
  private readonly field: HTMLTextAreaElement;
  private readonly answer = el("p", { class: "answer", role: "alert" });
  private readonly save: HTMLButtonElement;
  private script = "";

  constructor(
    private readonly texts: Texts,
    private readonly keep: (script: string) => Promise<void>,
  ) {
    this.field = el("textarea", { rows: "5", maxlength: String(MOST), "aria-label": texts.say("list_script") });
    this.save = el("button", { type: "submit", class: "button main" }, texts.say("save"));
    const cancel = el("button", { type: "button", class: "button", onclick: () => this.open(false) });
    cancel.append(texts.say("cancel"));
    const onsubmit = (event: Event) => {
      event.preventDefault();
      void this.submit();
    };
    this.form = el(
      "form",
      { hidden: true, onsubmit },
      this.field,
      this.answer,
      el("div", { class: "actions inner" }, this.save, cancel),
    );
    this.edit = el("button", { type: "button", class: "button quiet", onclick: () => this.open(true) });
    this.element = el(
      "details",
      { class: "script-box", open: true },
      el("summary", {}, texts.say("list_script")),
      this.shown,
      this.edit,
      this.form,
    );
    // The CRM has hot keys, so keys typed here must not reach it.
    for (const name of ["keydown", "keyup", "keypress"])
      this.field.addEventListener(name, (event) => {
        event.stopPropagation();
        if (name === "keydown" && (event as KeyboardEvent).key === "Escape") this.open(false);
      });
    this.draw();
  }

  show(script: string): void {
    if (script === this.script) return;
    this.script = script;
    this.draw();
  }

  private draw(): void {
    this.shown.textContent = this.script;
    this.shown.hidden = !this.script;
    this.edit.textContent = this.texts.say(this.script ? "list_script_change" : "list_script_add");
  }

  private open(open: boolean): void {
    this.form.hidden = !open;
    this.edit.hidden = open;
    this.answer.textContent = "";
    if (!open) return this.edit.focus();
    this.field.value = this.script;
    this.field.focus();
  }

  private async submit(): Promise<void> {
    this.save.disabled = true;
    try {
      await this.keep(this.field.value);
      this.open(false);
    } catch (error) {
      const { code, message } = error instanceof ApiError ? error : { code: "internal", message: "" };
      this.answer.textContent = this.texts.problem(code, message);
    } finally {
      this.save.disabled = false;
    }
  }
}
