/** Shows the connection's state in a CRM's settings window. Asks once at the start, and again on the button. */

import { AbsenceView } from "./absence_view";
import { type Api, ApiError } from "./api";
import { CampaignPauseView } from "./campaign_pause_view";
import { addStyle, el, foreign, icon } from "./dom";
import { KeyView } from "./key_view";
import type { StatusAnswer } from "./messages";
import styles from "./status_view.css";
import type { TextKey, Texts } from "./texts";

export class StatusView {
  readonly element = el("div", { class: "dozvon-status" });
  private readonly absence: AbsenceView;
  private readonly pause: CampaignPauseView;
  private readonly content = el("div", { class: "status", "aria-live": "polite" });
  private readonly key: KeyView;

  /** `isOwnPage`: in a page of ours, which the CRM has proved already: without the field for an API key. */
  constructor(
    private readonly api: Pick<
      Api,
      "status" | "sayAbsence" | "campaignPause" | "pauseCampaigns" | "pages" | "checkKey"
    >,
    private readonly texts: Texts,
    private readonly backend: string,
    private readonly open: (url: string) => void,
    private readonly isOwnPage = false,
  ) {
    this.absence = new AbsenceView(api, texts);
    this.pause = new CampaignPauseView(api, texts);
    this.key = new KeyView(api, texts, () => void this.refresh());
    const root = this.element.attachShadow({ mode: "open" });
    root.append(this.content, ...(isOwnPage ? [] : [this.key.element]));
    addStyle(root, styles);
  }

  /** The CRM's own button "Save" was pressed. Whether the settings may be saved. Never rejects. */
  save(): Promise<boolean> {
    return this.key.save();
  }

  /** Never rejects: it shows a failure. */
  async refresh(): Promise<void> {
    this.content.replaceChildren(this.heading(), el("p", { class: "soft" }, this.texts.say("status_checking")));
    try {
      this.content.replaceChildren(...this.answer(await this.api.status()));
    } catch (error) {
      const code = error instanceof ApiError ? error.code : "internal";
      const words = this.texts.problem(code, error instanceof Error ? error.message : "");
      if (code === "auth_failed" || code === "account_unknown") this.key.open();
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
    const own = status.absence !== undefined && status.extension ? [this.absence.element, this.pause.element] : [];
    if (own.length) {
      this.absence.show(status.absence ?? null);
      void this.pause.load();
    }
    const pages = status.is_admin ? [this.pages()] : [];
    return [this.heading(), ...(problems.length ? problems : [fine]), ...own, rows, ...pages, this.again()];
  }

  /** Opens Dozvon's pages, where the CRM's word signs its administrator in. */
  private pages(): HTMLElement {
    const said = el("div", { role: "alert" });
    const open = async () => {
      said.replaceChildren();
      try {
        this.open((await this.api.pages()).url);
      } catch (error) {
        const code = error instanceof ApiError ? error.code : "internal";
        said.replaceChildren(problem(this.texts.problem(code, error instanceof Error ? error.message : "")));
      }
    };
    const button = el("button", { type: "button", onclick: () => void open() }, this.texts.say("status_open"));
    return el("div", { class: "pages" }, button, said);
  }

  private heading(): HTMLElement {
    return el(this.isOwnPage ? "h2" : "h3", {}, this.texts.say("status_title"));
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
