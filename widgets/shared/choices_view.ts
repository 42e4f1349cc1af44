/** A person's choices: the ring's sound and volume, notifications, the hot key, and whether they are away. */

import { AbsenceView } from "./absence_view";
import type { Api } from "./api";
import { CampaignPauseView } from "./campaign_pause_view";
import { type Choices, SOUNDS, type Sound } from "./choices";
import { el, icon } from "./dom";
import { HOT_KEY } from "./hot_key";
import type { TextKey, Texts } from "./texts";

export interface ChoiceActions {
  readonly choices: Choices;
  notificationPermission(): NotificationPermission | "unsupported";
  askForNotifications(): Promise<void>;
  /** Play the chosen sound once. */
  sample(): void;
  /** Something was chosen. */
  changed(): void;
  /** The person closed it. */
  closed(): void;
  /** Where the absence is kept: it is the manager's, not this browser's. */
  readonly server: Pick<Api, "status" | "sayAbsence" | "campaignPause" | "pauseCampaigns">;
}

export class ChoicesView {
  readonly element = el("section", { class: "choices", hidden: true });
  private actions: ChoiceActions | null = null;
  private absence: HTMLElement | null = null;

  constructor(private readonly texts: Texts) {
    this.element.setAttribute("aria-label", texts.say("choices"));
    // The CRM has hot keys, so keys pressed here must not reach it.
    for (const kind of ["keyup", "keypress"]) this.element.addEventListener(kind, (event) => event.stopPropagation());
    this.element.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key === "Escape") this.actions?.closed();
    });
  }

  get isOpen(): boolean {
    return !this.element.hidden;
  }

  open(actions: ChoiceActions): void {
    this.actions = actions;
    this.element.hidden = false;
    this.absence = null;
    this.build(actions);
    this.element.querySelector<HTMLElement>("select")?.focus();
    void this.addAbsence(actions.server);
  }

  close(): void {
    this.element.hidden = true;
    this.element.replaceChildren();
  }

  /** Never rejects: without an answer, or with one of an earlier release, the choice is not offered. */
  private async addAbsence(server: ChoiceActions["server"]): Promise<void> {
    const status = await server.status().catch(() => null);
    if (!status?.extension || status.absence === undefined || !this.isOpen || this.actions?.server !== server) return;
    const view = new AbsenceView(server, this.texts);
    view.show(status.absence);
    const pause = new CampaignPauseView(server, this.texts);
    void pause.load();
    this.absence = el("div", {}, view.element, pause.element);
    this.element.append(this.absence);
  }

  private build(actions: ChoiceActions): void {
    const { texts } = this;
    const close = el(
      "button",
      { type: "button", class: "icon", "aria-label": texts.say("close"), onclick: () => actions.closed() },
      icon("close"),
    );
    this.element.replaceChildren(
      el("div", { class: "choices_head" }, el("h2", {}, texts.say("choices")), close),
      this.soundRow(actions),
      this.volumeRow(actions),
      this.notificationRow(actions),
      this.check("choice_hot_key", actions.choices.hotKey, (on) => {
        actions.choices.hotKey = on;
        actions.changed();
      }),
      ...(this.absence ? [this.absence] : []),
    );
  }

  private soundRow(actions: ChoiceActions): HTMLElement {
    const { texts } = this;
    const { choices } = actions;
    const chosen = choices.sound ? choices.tune : "off";
    const option = (value: string, key: TextKey) => el("option", { value, selected: value === chosen }, texts.say(key));
    const onchange = () => {
      choices.sound = select.value !== "off";
      if (choices.sound) choices.tune = select.value as Sound;
      listen.disabled = !choices.sound;
      actions.changed();
      if (choices.sound) actions.sample();
    };
    const select = el(
      "select",
      { id: "tune", onchange },
      ...SOUNDS.map((sound) => option(sound, `sound_${sound}`)),
      option("off", "sound_none"),
    );
    const listen = el(
      "button",
      { type: "button", class: "button", disabled: !choices.sound, onclick: () => actions.sample() },
      texts.say("choice_listen"),
    );
    return el(
      "div",
      { class: "choice" },
      el("label", { for: "tune" }, texts.say("choice_sound")),
      el("div", { class: "pair" }, select, listen),
    );
  }

  private volumeRow({ choices, changed }: ChoiceActions): HTMLElement {
    const oninput = () => {
      choices.volume = Number(range.value) / 100;
      changed();
    };
    const value = String(Math.round(choices.volume * 100));
    const range = el("input", { id: "volume", type: "range", min: "5", max: "100", step: "5", value, oninput });
    return el("div", { class: "choice" }, el("label", { for: "volume" }, this.texts.say("choice_volume")), range);
  }

  private notificationRow(actions: ChoiceActions): HTMLElement {
    const permission = actions.notificationPermission();
    if (permission === "unsupported" || permission === "denied") {
      return el("p", { class: "note" }, this.texts.say(`notifications_${permission}`));
    }
    return this.check("choice_notifications", permission === "granted" && actions.choices.notifications, (on) => {
      actions.choices.notifications = on;
      if (on && actions.notificationPermission() === "default") {
        void actions.askForNotifications().finally(() => this.isOpen && this.build(actions));
      }
      actions.changed();
    });
  }

  private check(key: "choice_notifications" | "choice_hot_key", checked: boolean, chosen: (on: boolean) => void) {
    const onchange = () => chosen(box.checked);
    const box = el("input", { type: "checkbox", checked, onchange });
    return el("label", { class: "choice check" }, box, el("span", {}, this.texts.say(key, { key: HOT_KEY })));
  }
}
