/** The field for an API key in a CRM's settings window: sends it to Dozvon once, and says what is wrong. Keeps nothing. */

import { type Api, ApiError } from "./api";
import { el, foreign, icon } from "./dom";
import type { KeyAnswer } from "./messages";
import type { TextKey, Texts } from "./texts";

export class KeyView {
  readonly element: HTMLDetailsElement;
  private readonly field: HTMLInputElement;
  private readonly said = el("div", { role: "status" });

  constructor(
    private readonly api: Pick<Api, "checkKey">,
    private readonly texts: Texts,
    private readonly connected: () => void,
  ) {
    this.field = el("input", {
      type: "text",
      name: "dozvon-key",
      autocomplete: "off",
      spellcheck: "false",
      autocapitalize: "off",
      maxlength: "200",
      placeholder: "dzv_…",
      "aria-label": texts.say("key_field"),
    });
    const form = el(
      "form",
      {
        onsubmit: (event: Event) => {
          event.preventDefault();
          void this.check();
        },
      },
      this.field,
      el("button", { type: "submit" }, texts.say("key_check")),
    );
    this.element = el(
      "details",
      { class: "key" },
      el("summary", {}, texts.say("key_title")),
      el("p", { class: "soft" }, texts.say("key_lead")),
      form,
      this.said,
    );
  }

  /** Shows the field without a press: the page could not sign in by the CRM alone. */
  open(): void {
    this.element.open = true;
  }

  /** Whether the settings may be saved: there is no key, or it works. Never rejects. */
  async check(): Promise<boolean> {
    const key = this.field.value.trim();
    if (!key) {
      this.say(this.bad("key_empty"));
      return true;
    }
    this.say(el("p", { class: "soft" }, this.texts.say("key_checking")));
    try {
      const answer = await this.api.checkKey(key);
      this.field.value = ""; // it stays in no page
      this.say(this.good(answer));
      if (answer.finding === "connected") this.connected();
      return true;
    } catch (error) {
      const code = error instanceof ApiError ? error.code : "internal";
      this.say(this.bad(null, this.texts.problem(code, error instanceof Error ? error.message : "")));
      return false;
    }
  }

  /** As `check`, for the CRM's own button "Save": without a key there is nothing to do. */
  async save(): Promise<boolean> {
    return this.field.value.trim() ? this.check() : true;
  }

  private say(...nodes: HTMLElement[]): void {
    this.said.replaceChildren(...nodes);
  }

  private good(answer: KeyAnswer): HTMLElement {
    const isDone = answer.finding === "connected";
    const office = answer.office ?? this.texts.say("key_all_offices");
    const more = isDone || !answer.url || !/^https?:\/\//.test(answer.url) ? [] : [" ", this.link(answer.url)];
    return el(
      "p",
      { class: isDone ? "fine" : "problem" },
      icon(isDone ? "check" : "warning"),
      el(
        "span",
        {},
        this.texts.say("key_works"),
        " ",
        foreign(office),
        ". ",
        this.texts.say(`key_finding_${answer.finding}` as TextKey),
        ...more,
      ),
    );
  }

  private link(url: string): HTMLElement {
    return el("a", { href: url, target: "_blank", rel: "noopener" }, this.texts.say("status_connect"));
  }

  private bad(key: TextKey | null, words = ""): HTMLElement {
    const text = key === null ? words : this.texts.say(key);
    return el("p", { class: "problem", role: "alert" }, icon("warning"), el("span", {}, text));
  }
}
