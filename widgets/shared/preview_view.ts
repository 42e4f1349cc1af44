/**
 * The next client of a preview campaign, above the calls: who it is, and the buttons that decide. Nobody's phone rings
 * before "Call". The server decides who is shown, to whom and for how long.
 */

import { el, foreign, icon, link } from "./dom";
import { clock } from "./format";
import { guide } from "./guide";
import type { OfferAction, OfferedClient, OfferMessage } from "./messages";
import type { TextKey, Texts } from "./texts";

export interface PreviewActions {
  open(url: string): void;
  /** Resolves when the button may be pressed again. */
  press(action: OfferAction, campaign: string, entry: number | null): Promise<void>;
  /** No campaign calls for this person any more, or it does again. False: it could not be said. */
  pause(paused: boolean): Promise<boolean>;
  after(ms: number, run: () => void): () => void;
}

/** So long the buttons of another client do nothing: the second half of a double click was not meant for them. */
const SETTLE_MS = 700;

export class PreviewView {
  readonly element = el("section", { class: "preview", tabindex: "-1", hidden: true });
  private readonly left = el("span", { class: "timer", role: "timer" });
  private offer: OfferedClient | null = null;
  private drawn = "";
  private paused = false;
  private stopSettling: () => void = () => {};

  constructor(
    private readonly texts: Texts,
    private readonly actions: PreviewActions,
  ) {
    this.element.setAttribute("aria-label", texts.say("preview_title"));
  }

  get isShown(): boolean {
    return !this.element.hidden;
  }

  show({ offer, missed, paused }: OfferMessage, now: number): void {
    if (offer || !paused) this.paused = false;
    this.offer = offer;
    if (offer) this.draw(`${offer.campaign} ${offer.entry} ${offer.until}`, () => this.client(offer));
    else if (missed)
      this.draw(`missed ${missed}`, () => this.asks("preview_missed", "preview_ready", () => this.ready(missed)));
    else if (this.paused)
      this.draw("paused", () => this.asks("preview_paused", "preview_go_on", () => this.pause(false)));
    else this.draw("", () => []);
    this.tick(now);
  }

  /** `now`: the server's clock. The client goes back to the list by itself, also without a connection. */
  tick(now: number): void {
    if (!this.offer) return;
    if (now >= this.offer.until) return this.nobody(now);
    this.left.textContent = clock(this.offer.until - now);
  }

  stop(): void {
    this.stopSettling();
  }

  private draw(what: string, build: () => HTMLElement[]): void {
    if (what === this.drawn) return;
    this.drawn = what;
    const had = this.element.contains((this.element.getRootNode() as Partial<ShadowRoot>).activeElement ?? null);
    this.element.replaceChildren(...build());
    this.element.hidden = what === "";
    if (had && what) this.element.focus();
    const buttons = this.element.querySelectorAll("button");
    for (const button of buttons) button.disabled = true;
    this.stopSettling();
    this.stopSettling = this.actions.after(SETTLE_MS, () => {
      for (const button of buttons) button.disabled = false;
    });
  }

  private client(offer: OfferedClient): HTMLElement[] {
    const { texts, actions } = this;
    const decide = (action: OfferAction) => () => void actions.press(action, offer.campaign, offer.entry);
    return [
      el("div", { class: "top" }, icon("phone"), el("span", { class: "state" }, texts.say("preview_title")), this.left),
      el(
        "div",
        { class: "told", role: "status" },
        link(offer.name || offer.number, offer.url, "name", actions.open),
        el("p", { class: "number" }, foreign(offer.number)),
        el("p", { class: "soft campaign" }, texts.say("preview_campaign"), " ", foreign(offer.campaign_name)),
      ),
      // Not in the part that is read aloud by itself: a script may have five thousand letters.
      el(
        "div",
        { class: "guide", tabindex: "0", role: "group", "aria-label": texts.say("preview_title") },
        ...guide(texts, offer.comment, offer.script),
      ),
      el(
        "div",
        { class: "actions" },
        this.button("preview_call", "main", decide("call")),
        this.button("preview_skip", "", decide("skip")),
        this.button("preview_pause", "wide", () => this.pause(true)),
      ),
    ];
  }

  private asks(said: TextKey, label: TextKey, onclick: () => void): HTMLElement[] {
    return [
      el("p", { class: "told", role: "status" }, this.texts.say(said)),
      el("div", { class: "actions" }, this.button(label, "main", onclick)),
    ];
  }

  private button(label: TextKey, kind: string, onclick: () => void): HTMLElement {
    return el("button", { type: "button", class: `button ${kind}`, onclick }, this.texts.say(label));
  }

  private ready(campaign: string): void {
    void this.actions.press("ready", campaign, null);
  }

  private async pause(paused: boolean): Promise<void> {
    if (!(await this.actions.pause(paused))) return;
    this.paused = paused;
    if (this.offer && !paused) return; // the next client was faster than the answer
    this.nobody(0);
  }

  private nobody(now: number): void {
    this.show({ type: "offer", offer: null, missed: null, paused: true }, now);
  }
}
