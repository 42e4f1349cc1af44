/** Who of the CRM's list goes into a campaign: chosen in the CRM's own dialogue, since it never says what is ticked. */

import type { Api } from "../api";
import styles from "../card.css";
import { addStyle, el, icon } from "../dom";
import selectionStyles from "../floating.css";
import type { EntityRef } from "../messages";
import { SelectionView } from "../selection_view";
import type { Texts } from "../texts";
import type { Say } from "./texts";

export interface ChooseActions {
  /** Opens the CRM's dialogue. */
  choose(chosen: (entities: EntityRef[]) => void): void;
  newRequest(): string;
}

export class ChooseView {
  readonly element = el("section", { class: "client" });
  private readonly said = el("p", { class: "said", role: "status" });
  private readonly selection: SelectionView;
  private readonly choosing: HTMLElement;

  constructor(
    private readonly api: Pick<Api, "campaigns" | "makeCampaign" | "addEntries" | "addToOwnList">,
    texts: Texts,
    private readonly say: Say,
    private readonly actions: ChooseActions,
  ) {
    this.selection = new SelectionView(texts);
    const box = el("div", { class: "framed" });
    const root = box.attachShadow({ mode: "open" });
    root.append(this.selection.element);
    addStyle(root, styles + selectionStyles);
    const choose = el(
      "button",
      { type: "button", class: "main", onclick: () => this.choose() },
      icon("plus"),
      say("list_choose"),
    );
    this.choosing = el("div", {}, el("p", { class: "soft" }, say("list_about")), el("p", { class: "phones" }, choose));
    this.element.append(el("header", {}, el("h1", {}, say("list_title"))), this.choosing, this.said, box);
  }

  /** Never rejects. */
  async show(entities: EntityRef[]): Promise<void> {
    this.said.textContent = "";
    this.choosing.hidden = true;
    await this.selection.open(entities, {
      server: this.api,
      newRequest: this.actions.newRequest,
      call: null,
      closed: () => {
        this.choosing.hidden = false;
        this.choosing.querySelector("button")?.focus();
      },
    });
  }

  private choose(): void {
    this.actions.choose((entities) => {
      if (entities.length) void this.show(entities);
      else this.said.textContent = this.say("list_nobody");
    });
  }
}
