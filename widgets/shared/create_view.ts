/** "Create contact" and "create deal" of a card: a button, then a form with one field, then the result. */

import { ApiError } from "./api";
import { el, icon, link } from "./dom";
import type { TextKey, Texts } from "./texts";

export interface Created {
  /** What is said before the name: "Contact created". */
  words: TextKey;
  name: string;
  url: string;
}

/** What the form creates, and how it is worded. */
export interface Creation {
  /** Of the button, and the title of the form for screen readers. */
  offer: TextKey;
  field: TextKey;
  /** The most important step of an unknown caller's card stands out; others do not. */
  isMain: boolean;
  /** What the field begins with. */
  suggested(): string;
  /** Rejects with ApiError. */
  create(name: string): Promise<Created>;
}

export class CreateView {
  readonly element = el("div", { class: "create" });
  isOpen = false;
  private offered = false;
  private finished = false;

  constructor(
    private readonly texts: Texts,
    private readonly creation: Creation,
    private readonly open: (url: string) => void,
  ) {}

  update(offered: boolean): void {
    if (offered === this.offered || this.finished) return;
    this.offered = offered;
    if (!this.isOpen) this.showButton();
  }

  close(): void {
    if (this.isOpen) this.showButton();
  }

  private showButton(): void {
    this.isOpen = false;
    const onclick = () => this.showForm();
    const button = el(
      "button",
      { type: "button", class: this.creation.isMain ? "button main wide" : "button wide", onclick },
      icon("plus"),
      this.texts.say(this.creation.offer),
    );
    this.element.replaceChildren(...(this.offered ? [button] : []));
  }

  private showForm(): void {
    const { texts } = this;
    this.isOpen = true;
    const input = el("input", {
      type: "text",
      name: "name",
      maxlength: "200",
      autocomplete: "off",
      value: this.creation.suggested(),
      placeholder: texts.say(this.creation.field),
      "aria-label": texts.say(this.creation.field),
    });
    const save = el("button", { type: "submit", class: "button main" }, texts.say("save"));
    const cancel = el("button", { type: "button", class: "button", onclick: () => this.cancel() }, texts.say("cancel"));
    const answer = el("p", { class: "answer", role: "alert" });
    const onsubmit = (event: Event) => {
      event.preventDefault();
      void this.submit(input, save, answer);
    };
    // The CRM has hot keys, so keys typed here must not reach it.
    const quiet = (event: Event) => event.stopPropagation();
    const onkeydown = (event: Event) => {
      event.stopPropagation();
      if ((event as KeyboardEvent).key === "Escape") this.cancel();
    };
    this.element.replaceChildren(
      el(
        "form",
        { "aria-label": texts.say(this.creation.offer), onsubmit, onkeydown, onkeyup: quiet, onkeypress: quiet },
        input,
        answer,
        el("div", { class: "actions inner" }, save, cancel),
      ),
    );
    input.focus();
    input.select();
  }

  private cancel(): void {
    this.showButton();
    this.element.querySelector("button")?.focus();
  }

  private async submit(input: HTMLInputElement, save: HTMLButtonElement, answer: HTMLElement): Promise<void> {
    const { texts } = this;
    const name = input.value.trim();
    if (!name) {
      answer.textContent = texts.say("name_needed");
      input.focus();
      return;
    }
    const hadFocus = this.element.contains((this.element.getRootNode() as ShadowRoot).activeElement);
    save.disabled = input.disabled = true;
    save.textContent = texts.say("saving");
    answer.textContent = "";
    try {
      this.finish(await this.creation.create(name), hadFocus);
    } catch (error) {
      const code = error instanceof ApiError ? error.code : "internal";
      answer.textContent = texts.problem(code, error instanceof Error ? error.message : "");
      save.disabled = input.disabled = false;
      save.textContent = texts.say("save");
      if (hadFocus) save.focus();
    }
  }

  private finish(created: Created, hadFocus: boolean): void {
    this.isOpen = false;
    this.finished = true;
    const entity = link(created.name, created.url, "deal", this.open);
    const words = `${this.texts.say(created.words)}: `;
    this.element.replaceChildren(el("p", { class: "done", role: "status" }, icon("check"), words, entity));
    // The pressed button is gone: the next step is what was created.
    if (hadFocus) entity.focus();
  }
}
