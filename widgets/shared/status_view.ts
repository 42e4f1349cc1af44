/** Shows the connection's state in a CRM's settings window. Asks once at the start, and again on the button. */

import { type Api, ApiError } from "./api";
import { el, foreign, icon } from "./dom";
import type { StatusAnswer } from "./messages";
import styles from "./status_view.css";
import type { TextKey, Texts } from "./texts";

export class StatusView {
  readonly element = el("div", { class: "dozvon-status" });
  private readonly content = el("div", { class: "status", "aria-live": "polite" });

  constructor(
    private readonly api: Pick<Api, "status">,
    private readonly texts: Texts,
    private readonly backend: string,
  ) {
    const style = el("style");
    style.textContent = styles;
    this.element.attachShadow({ mode: "open" }).append(style, this.content);
  }

  /** Never rejects: it shows a failure. */
  async refresh(): Promise<void> {
    this.content.replaceChildren(this.heading(), el("p", { class: "soft" }, this.texts.say("status_checking")));
    try {
      this.content.replaceChildren(...this.answer(await this.api.status()));
    } catch (error) {
      const code = error instanceof ApiError ? error.code : "internal";
      const words = this.texts.problem(code, error instanceof Error ? error.message : "");
      this.content.replaceChildren(
        this.heading(),
        problem(words),
        this.rows([["status_server", this.backend]]),
        this.again(),
      );
    }
  }

  private answer(status: StatusAnswer): HTMLElement[] {
    const { texts } = this;
    const link = (state: string) => texts.say(`status_${state}` as TextKey);
    const problems = status.problems.map((one) => problem(texts.problem(one.code, one.text), this.mending(one.url)));
    const fine = el("p", { class: "fine" }, icon("check"), texts.say("status_ok"));
    const rows = this.rows([
      ["status_manager", status.manager.name],
      ["status_extension", status.extension ?? texts.say("status_extension_none")],
      ["status_pbx", link(status.pbx)],
      ["status_crm", link(status.crm)],
      ["status_server", `${this.backend} (${status.version})`],
    ]);
    return [this.heading(), ...(problems.length ? problems : [fine]), rows, this.again()];
  }

  private heading(): HTMLElement {
    return el("h3", {}, this.texts.say("status_title"));
  }

  private rows(rows: [TextKey, string][]): HTMLElement {
    const cells = rows.flatMap(([label, value]) => [el("dt", {}, this.texts.say(label)), el("dd", {}, foreign(value))]);
    return el("dl", {}, ...cells);
  }

  /** The page where an administrator can fix it. Although the server is ours, only a web address becomes a link. */
  private mending(url: string | undefined): HTMLElement[] {
    if (!url || !/^https?:\/\//.test(url)) return [];
    return [el("a", { href: url, target: "_blank", rel: "noopener" }, this.texts.say("status_connect"))];
  }

  private again(): HTMLElement {
    return el("button", { type: "button", onclick: () => void this.refresh() }, this.texts.say("status_again"));
  }
}

function problem(words: string, more: HTMLElement[] = []): HTMLElement {
  return el("p", { class: "problem", role: "alert" }, icon("warning"), el("span", {}, words, " ", ...more));
}
