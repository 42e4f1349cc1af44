/** In the card of a missed call: that Dozvon will call the client back, when, and a button against it. */

import type { ApiError } from "./api";
import { el } from "./dom";
import { moment } from "./format";
import type { CallbackAnswer, CardCall } from "./messages";
import type { Texts } from "./texts";

/** Dozvon makes the callback a moment after the call's end. Milliseconds until each look. */
const LOOKS_MS = [1_500, 4_000, 10_000];

export interface CallbackActions {
  /** Both reject with ApiError. */
  read(call: string): Promise<CallbackAnswer>;
  want(call: string, wanted: boolean): Promise<CallbackAnswer>;
  after(ms: number, run: () => void): () => void;
}

export class CallbackView {
  readonly element = el("div", { class: "callback", role: "status", hidden: true });
  private looks = 0;
  private cancelLook: () => void = () => {};
  private call: CardCall | null = null;
  private serverNow = 0;

  constructor(
    private readonly texts: Texts,
    private readonly actions: CallbackActions,
  ) {}

  /** `serverNow`: the server's clock in Unix seconds. */
  update(call: CardCall, serverNow: number): void {
    this.call = call;
    this.serverNow = serverNow;
    const isMissed = call.state === "ended" && call.direction === "inbound" && call.disposition === "missed";
    if (isMissed && this.looks === 0) this.lookLater();
  }

  /** The person closed the card. */
  giveUp(): void {
    this.cancelLook();
    this.looks = LOOKS_MS.length;
  }

  private lookLater(): void {
    const pause = LOOKS_MS[this.looks];
    this.looks += 1;
    if (pause !== undefined) this.cancelLook = this.actions.after(pause, () => void this.look());
  }

  private async look(): Promise<void> {
    if (!this.call) return;
    try {
      const answer = await this.actions.read(this.call.id);
      if (answer.callback) this.show(answer);
      else this.lookLater();
    } catch {
      this.lookLater(); // nothing is lost: the card says a little less
    }
  }

  private show({ callback }: CallbackAnswer): void {
    this.element.hidden = callback === null;
    if (!callback) return;
    const { texts } = this;
    const { state, at, tries, most } = callback;
    const when = at !== null ? moment(at, this.serverNow, texts) : "";
    const words = {
      open: at !== null ? texts.say("callback_open", { when, n: tries + 1, most }) : texts.say("callback_soon"),
      taken: texts.say("callback_taken"),
      removed: texts.say("callback_removed"),
    };
    const said = words[state as keyof typeof words];
    this.element.hidden = said === undefined;
    if (said === undefined) return;
    const isWanted = state !== "removed";
    const label = texts.say(isWanted ? "callback_cancel" : "callback_restore");
    const onclick = () => void this.press(button, !isWanted);
    const button = el("button", { type: "button", class: "button", onclick }, label);
    this.element.replaceChildren(el("p", {}, said), button);
  }

  private async press(button: HTMLButtonElement, wanted: boolean): Promise<void> {
    if (!this.call) return;
    const had = (this.element.getRootNode() as Partial<ShadowRoot>).activeElement === button;
    button.disabled = true;
    try {
      this.show(await this.actions.want(this.call.id, wanted));
      if (had) this.element.querySelector("button")?.focus();
    } catch (error) {
      button.disabled = false;
      this.element.querySelector("p")?.replaceChildren(this.texts.problem((error as ApiError).code));
    }
  }
}
