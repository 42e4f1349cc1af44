/**
 * The card: a panel at the bottom right of any CRM's page with the manager's calls, and short notices above it.
 *
 * It shows the given calls and reports presses. `call_view.ts` draws one call; `widget.ts` supplies the calls.
 * Everything is in one shadow root, so that the CRM's styles and ours never meet.
 */

import { type CallActions, CallView } from "./call_view";
import styles from "./card.css";
import { el, icon } from "./dom";
import type { CardCall } from "./messages";
import type { Texts } from "./texts";

export interface CardActions extends Omit<CallActions, "minimise" | "expand"> {
  minimised(minimised: boolean): void;
  /** The ring was switched; its new state. */
  switchSound(): boolean;
  /** The answer to the offer of notifications. */
  notifications(wanted: boolean): void;
}

export type NoticeKind = "info" | "error";

// How long an ended call stays, in seconds: longer if the manager can still do something about it.
const KEEP_ENDED = 12;
const KEEP_UNKNOWN = 60; // a contact can be created from it
const KEEP_MISSED = 60;
const KEEP_FAILED = 20; // a click that never dialled the client: time to read the reason
const KEEP_ELSEWHERE = 8; // a colleague has it
const ELSEWHERE = new Set(["answered_elsewhere", "declined", "passed_on", "transferred", "consulted", "gone"]);
const KEEP_AFTER_TOUCH = 5;
const NOTICE_MS = { info: 5_000, error: 9_000 };
const MOST_NOTICES = 3;

export class Card {
  readonly element = el("div", { class: "dozvon-widget" });
  private readonly root: ShadowRoot;
  private readonly stack = el("div", { class: "stack" });
  private readonly pill: HTMLButtonElement;
  private readonly notices = el("div", { class: "notices" });
  private readonly trouble: HTMLElement;
  private readonly offer: HTMLElement;
  private readonly soundButton: HTMLButtonElement;
  private readonly live = el("div", { class: "unseen", "aria-live": "assertive" });
  private readonly panel: HTMLElement;
  private views = new Map<string, CallView>();
  private calls: CardCall[] = [];
  private announced = new Map<string, string>();
  private expanded: string | null = null;
  private chosen: string | null = null; // opened by the person: other events must not fold it
  private minimised = false;
  private presenting = true;
  private touchedAt = Number.NEGATIVE_INFINITY;
  private readonly ticking: ReturnType<typeof setInterval>;
  private readonly noticeTimers = new Set<ReturnType<typeof setTimeout>>();

  /** `serverNow`: the server's clock in Unix seconds. */
  constructor(
    private readonly texts: Texts,
    private readonly currency: string | null,
    private readonly serverNow: () => number,
    private readonly actions: CardActions,
  ) {
    this.root = this.element.attachShadow({ mode: "open" });
    this.pill = el("button", {
      type: "button",
      class: "pill",
      "aria-label": texts.say("restore"),
      onclick: () => this.setMinimised(false, true),
    });
    this.trouble = el("p", { class: "trouble", role: "status", hidden: true }, icon("warning"), texts.say("no_link"));
    this.soundButton = el("button", { type: "button", class: "icon sound", hidden: true, onclick: () => this.sound() });
    this.offer = this.makeOffer();
    this.panel = el(
      "section",
      { class: "panel", "aria-label": texts.say("calls_region") },
      this.notices,
      this.trouble,
      this.stack,
      this.offer,
      this.pill,
    );
    const touched = () => {
      this.touchedAt = this.serverNow();
    };
    for (const event of ["pointermove", "pointerdown", "keydown", "focusin"])
      this.panel.addEventListener(event, touched);
    this.panel.addEventListener("keydown", (event) => this.escape(event));
    this.root.append(el("style", {}, ""), this.panel, this.live);
    const style = this.root.querySelector("style");
    if (style) style.textContent = styles;
    this.setSound(true);
    this.ticking = setInterval(() => this.tick(), 1000);
    this.arrange();
  }

  destroy(): void {
    clearInterval(this.ticking);
    for (const timer of this.noticeTimers) clearTimeout(timer);
    this.element.remove();
  }

  /** Replaces all that is shown; the order is kept. */
  show(calls: CardCall[]): void {
    const before = new Map(this.calls.map((call) => [call.id, call]));
    const fresh = calls.find((call) => !before.has(call.id) && call.state !== "ended");
    const answered = calls.find((call) => call.state === "talking" && before.get(call.id)?.state !== "talking");
    this.calls = [...calls.filter((call) => !this.isOver(call)), ...this.inUse(calls)];
    const talking = this.calls.some((call) => call.state === "talking");
    // The manager's next outgoing call folds the talk only when it is answered: it may stay unanswered.
    if (fresh && !(fresh.is_own && fresh.state === "ringing" && talking)) this.open(fresh.id);
    if (answered) this.open(answered.id);
    if (fresh && this.minimised) this.setMinimised(false, true);
    this.arrange();
  }

  /** Calls that are gone, but whose form a person is still filling in. */
  private inUse(calls: CardCall[]): CardCall[] {
    const listed = new Set(calls.map((call) => call.id));
    return this.calls
      .filter((call) => !listed.has(call.id) && this.views.get(call.id)?.isBusy)
      .map((call) =>
        call.state === "ended" ? call : { ...call, state: "ended", result: "gone", ended_at: this.serverNow() },
      );
  }

  private open(id: string): void {
    this.expanded = id;
    this.chosen = null;
  }

  /** A call's text for the tab's title and a notification. */
  wordsOf(id: string): { heading: string; who: string } | null {
    const view = this.views.get(id);
    return view ? { heading: view.heading(), who: view.title() } : null;
  }

  setDark(dark: boolean): void {
    this.element.classList.toggle("dark", dark);
  }

  setMinimised(minimised: boolean, byThisTab = false): void {
    if (minimised === this.minimised) return;
    const hadFocus = this.root.activeElement !== null;
    this.minimised = minimised;
    this.arrange();
    // The pressed button is gone: move the keyboard's focus to the card's new place.
    if (hadFocus) (minimised ? this.pill : this.stack.querySelector<HTMLElement>("button"))?.focus();
    if (byThisTab) this.actions.minimised(minimised);
  }

  /** Whether this tab shows the card; the others keep their state without showing it. */
  setPresenting(presenting: boolean): void {
    this.presenting = presenting;
    this.arrange();
  }

  /** No connection: the shown state may be out of date, and timers stop. */
  setTrouble(trouble: boolean): void {
    this.trouble.hidden = !trouble;
    this.panel.classList.toggle("stale", trouble);
  }

  /** Whether the ring is on; the switch is there while something rings. */
  setSound(on: boolean): void {
    const label = this.texts.say(on ? "sound_off" : "sound_on");
    this.soundButton.setAttribute("aria-label", label);
    this.soundButton.title = label;
    this.soundButton.replaceChildren(icon(on ? "bell" : "bell_off"));
  }

  /** Ask whether notifications are wanted; the browser's own question comes only after a "yes" here. */
  setOffer(offered: boolean): void {
    this.offer.hidden = !offered || this.minimised || !this.calls.length;
  }

  notice(kind: NoticeKind, text: string): void {
    const close = el("button", { type: "button", class: "icon", "aria-label": this.texts.say("close") }, icon("close"));
    const role = kind === "error" ? "alert" : "status";
    const notice = el(
      "div",
      { class: `notice ${kind}`, role },
      icon(kind === "error" ? "warning" : "phone"),
      el("span", {}, text),
      close,
    );
    const timer = setTimeout(() => notice.remove(), NOTICE_MS[kind]);
    this.noticeTimers.add(timer);
    close.addEventListener("click", () => notice.remove());
    for (const old of [...this.notices.children]) if (old.textContent === notice.textContent) old.remove();
    this.notices.append(notice);
    while (this.notices.children.length > MOST_NOTICES) this.notices.firstElementChild?.remove();
  }

  private escape(event: KeyboardEvent): void {
    if (event.key !== "Escape" || !this.calls.length) return;
    event.stopPropagation();
    this.setMinimised(true, true);
  }

  private tick(): void {
    const now = this.serverNow();
    const left = this.calls.filter((call) => !this.isOver(call));
    if (left.length !== this.calls.length) {
      this.calls = left;
      this.arrange();
      return;
    }
    if (!this.isStale) for (const view of this.views.values()) view.tick(now);
    this.labelPill();
  }

  private get isStale(): boolean {
    return !this.trouble.hidden;
  }

  private isOver(call: CardCall): boolean {
    // Never from under a resting pointer.
    if (call.state !== "ended" || this.views.get(call.id)?.isBusy || this.stack.matches(":hover")) return false;
    const keep = keepSeconds(call);
    const until = Math.max((call.ended_at ?? call.started_at) + keep, this.touchedAt + KEEP_AFTER_TOUCH);
    return this.serverNow() >= until;
  }

  private arrange(): void {
    const now = this.serverNow();
    const ids = new Set(this.calls.map((call) => call.id));
    for (const [id, view] of this.views) {
      if (ids.has(id)) continue;
      view.element.remove();
      this.views.delete(id);
    }
    this.expanded = this.chooseExpanded();
    this.calls.forEach((call, place) => {
      let view = this.views.get(call.id);
      if (!view) {
        view = new CallView(call, this.texts, this.currency, this.callActions());
        this.views.set(call.id, view);
      }
      // A form in which a person is typing is not folded.
      view.update(call, now, call.id !== this.expanded && !view.isBusy);
      // Moved only when it must be: moving an element takes the focus from what is inside.
      const there = this.stack.children[place] ?? null;
      if (there !== view.element) this.stack.insertBefore(view.element, there);
    });
    const some = this.calls.length > 0;
    this.element.classList.toggle("elsewhere", !this.presenting);
    this.stack.hidden = !some || this.minimised;
    this.pill.hidden = !some || !this.minimised;
    if (!some || this.minimised) this.offer.hidden = true;
    this.placeSound();
    this.labelPill();
    this.announce();
  }

  /** The open call: the chosen one, otherwise calls in progress before ended ones. */
  private chooseExpanded(): string | null {
    const open = this.calls.find((call) => call.id === this.expanded);
    if (open && (open.state !== "ended" || open.id === this.chosen)) return open.id;
    const live =
      this.calls.find((call) => call.state === "talking") ?? this.calls.find((call) => call.state !== "ended");
    return (live ?? open ?? this.calls[0])?.id ?? null;
  }

  /** In the head of the call that rings, beside "minimise". */
  private placeSound(): void {
    const ringing = this.calls.find((call) => call.state === "ringing" && !call.is_own);
    const head = ringing && this.views.get(ringing.id)?.element.querySelector(".top");
    this.soundButton.hidden = !head;
    const before = head?.querySelector("button:not(.sound)");
    if (head && before && this.soundButton.nextElementSibling !== before) head.insertBefore(this.soundButton, before);
  }

  private sound(): void {
    this.setSound(this.actions.switchSound());
  }

  private makeOffer(): HTMLElement {
    const answer = (wanted: boolean) => () => {
      this.offer.hidden = true;
      this.actions.notifications(wanted);
    };
    const button = (key: "offer_yes" | "offer_no", kind: string, wanted: boolean) =>
      el("button", { type: "button", class: `button ${kind}`, onclick: answer(wanted) }, this.texts.say(key));
    const buttons = el(
      "div",
      { class: "actions inner" },
      button("offer_yes", "main", true),
      button("offer_no", "", false),
    );
    return el("div", { class: "offer", hidden: true }, el("p", {}, this.texts.say("offer_notifications")), buttons);
  }

  private callActions(): CallActions {
    return {
      ...this.actions,
      dismiss: (call) => {
        this.views.get(call.id)?.giveUp();
        // A card that stays only because of typed text must not be removed.
        this.calls = this.calls.filter((one) => one.id !== call.id);
        this.actions.dismiss(call);
        this.arrange();
      },
      minimise: () => this.setMinimised(true, true),
      expand: (call) => {
        this.expanded = this.chosen = call.id;
        this.arrange();
        this.views.get(call.id)?.element.querySelector<HTMLElement>("button")?.focus();
      },
    };
  }

  private labelPill(): void {
    const call = this.calls[0];
    const view = call && this.views.get(call.id);
    if (!call || !view || this.pill.hidden) return;
    const more = this.calls.length - 1;
    const time = view.element.querySelector(".timer")?.textContent ?? "";
    const key = `${call.id} ${call.state} ${more}`;
    this.pill.className = `pill ${call.state}`;
    if (this.pill.dataset.key !== key) {
      this.pill.dataset.key = key;
      this.pill.replaceChildren(
        el("span", { class: "badge" }, icon("phone")),
        el("span", { class: "title" }, view.title()),
        el("span", { class: "timer" }),
        ...(more > 0 ? [el("span", { class: "more" }, `+${more}`)] : []),
      );
    }
    const timer = this.pill.querySelector(".timer");
    if (timer) timer.textContent = time;
  }

  /** Tells a screen reader once per call and state; the timer is not read out. */
  private announce(): void {
    if (!this.presenting) return;
    for (const call of this.calls) {
      const state = `${call.state} ${call.result ?? call.disposition}`;
      if (this.announced.get(call.id) === state) continue;
      this.announced.set(call.id, state);
      const view = this.views.get(call.id);
      if (view) this.live.textContent = view.announcement();
    }
    for (const id of this.announced.keys()) if (!this.views.has(id)) this.announced.delete(id);
  }
}

function keepSeconds(call: CardCall): number {
  const result = call.result ?? call.disposition;
  if (result !== null && ELSEWHERE.has(result)) return KEEP_ELSEWHERE;
  if (call.failure) return KEEP_FAILED;
  if (result === "missed") return KEEP_MISSED;
  return call.can_create && !call.person ? KEEP_UNKNOWN : KEEP_ENDED;
}
