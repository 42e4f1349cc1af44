/** Says whether campaigns call for this manager, and lets them pause that, or go on. Empty for who works for none. */

import { type Api, ApiError } from "./api";
import { el } from "./dom";
import type { CampaignPauseAnswer } from "./messages";
import type { Texts } from "./texts";

export type PauseServer = Pick<Api, "campaignPause" | "pauseCampaigns">;

export class CampaignPauseView {
  readonly element = el("section", { class: "absence campaign_pause", hidden: true });
  private shown: CampaignPauseAnswer | null = null;

  constructor(
    private readonly api: PauseServer,
    private readonly texts: Texts,
  ) {}

  /** Never rejects: without an answer, or from a server of an earlier release, nothing is offered. */
  async load(): Promise<void> {
    this.show(await this.api.campaignPause().catch(() => null));
  }

  private show(answer: CampaignPauseAnswer | null, wrong = ""): void {
    this.shown = answer;
    const pause = answer?.pause ?? null;
    this.element.hidden = !answer?.at_work && !pause && !wrong;
    const said = wrong ? [el("p", { class: "problem", role: "alert" }, wrong)] : [];
    // What a supervisor has said, a supervisor takes back.
    const buttons = pause && !pause.own ? [] : [this.button(!pause)];
    this.element.replaceChildren(
      el("p", { class: pause ? "away" : "soft" }, this.sentence(answer)),
      ...said,
      ...(buttons.length ? [el("div", { class: "absence_choices" }, ...buttons)] : []),
    );
  }

  private sentence(answer: CampaignPauseAnswer | null): string {
    const pause = answer?.pause;
    if (!pause) return this.texts.say("pause_none");
    const day: Intl.DateTimeFormatOptions = { day: "numeric", month: "long", hour: "2-digit", minute: "2-digit" };
    const time = new Intl.DateTimeFormat(this.texts.language, day).format(new Date(pause.since * 1000));
    return this.texts.say(pause.own ? "pause_own" : "pause_by", { time, name: pause.by });
  }

  private button(pauses: boolean): HTMLElement {
    const label = this.texts.say(pauses ? "pause_begin" : "pause_end");
    return el("button", { type: "button", class: "button", onclick: () => void this.say(pauses) }, label);
  }

  /** Never rejects: it shows a failure, and the button stays. */
  private async say(paused: boolean): Promise<void> {
    for (const button of this.element.querySelectorAll("button")) button.disabled = true;
    const hadFocus = this.element.contains((this.element.getRootNode() as ShadowRoot).activeElement);
    try {
      this.show(await this.api.pauseCampaigns(paused));
    } catch (error) {
      const code = error instanceof ApiError ? error.code : "internal";
      this.show(this.shown, this.texts.problem(code, error instanceof Error ? error.message : ""));
    }
    if (hadFocus) this.element.querySelector("button")?.focus();
  }
}
