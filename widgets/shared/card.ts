/**
 * The card: a panel at the bottom right of any CRM's page with the manager's calls, and short notices above it.
 *
 * It shows what it is given and reports what a person pressed. What a call holds is `call_view.ts`; where calls come
 * from is `widget.ts`. Everything is in one shadow root, so that the CRM's styles and ours never meet.
 */

import { type CallActions, CallView } from "./call_view";
import styles from "./card.css";
import { el, icon } from "./dom";
import type { CardCall } from "./messages";
import type { Texts } from "./texts";

export interface CardActions extends Omit<CallActions, "minimise" | "expand"> {
  minimised(minimised: boolean): void;
}

export type NoticeKind = "info" | "error";

// How long an ended call stays, in seconds: longer when there is still a contact to be created from it.
const KEEP_ENDED = 12;
const KEEP_UNKNOWN = 60;
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
  private readonly live = el("div", { class: "unseen", "aria-live": "assertive" });
  private readonly panel: HTMLElement;
  private views = new Map<string, CallView>();
  private calls: CardCall[] = [];
  private announced = new Map<string, string>();
  private expanded: string | null = null;
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
    this.panel = el(
      "section",
      { class: "panel", "aria-label": texts.say("calls_region") },
      this.notices,
      this.trouble,
      this.stack,
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
    const known = new Set(this.calls.map((call) => call.id));
    const fresh = calls.find((call) => !known.has(call.id) && call.state !== "ended");
    this.calls = calls.filter((call) => !this.isOver(call));
    if (fresh) {
      this.expanded = fresh.id;
      if (this.minimised) this.setMinimised(false, true);
    }
    this.arrange();
  }

  setDark(dark: boolean): void {
    this.element.classList.toggle("dark", dark);
  }

  setMinimised(minimised: boolean, byThisTab = false): void {
    if (minimised === this.minimised) return;
    const hadFocus = this.root.activeElement !== null;
    this.minimised = minimised;
    this.arrange();
    // The pressed button is gone: the keyboard goes on where the card went.
    if (hadFocus) (minimised ? this.pill : this.stack.querySelector<HTMLElement>("button"))?.focus();
    if (byThisTab) this.actions.minimised(minimised);
  }

  /** Whether this tab is the one that shows; the others keep their state unseen. */
  setPresenting(presenting: boolean): void {
    this.presenting = presenting;
    this.arrange();
  }

  setTrouble(trouble: boolean): void {
    this.trouble.hidden = !trouble;
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
    for (const view of this.views.values()) view.tick(now);
    this.labelPill();
  }

  private isOver(call: CardCall): boolean {
    // Never from under a resting pointer.
    if (call.state !== "ended" || this.views.get(call.id)?.isBusy || this.stack.matches(":hover")) return false;
    const keep = call.can_create && !call.person ? KEEP_UNKNOWN : KEEP_ENDED;
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
    if (this.expanded === null || !ids.has(this.expanded)) this.expanded = this.calls[0]?.id ?? null;
    this.calls.forEach((call, place) => {
      let view = this.views.get(call.id);
      if (!view) {
        view = new CallView(call, this.texts, this.currency, this.callActions());
        this.views.set(call.id, view);
      }
      view.update(call, now, call.id !== this.expanded);
      // Moved only when it must be: moving an element takes the focus from what is inside.
      const there = this.stack.children[place] ?? null;
      if (there !== view.element) this.stack.insertBefore(view.element, there);
    });
    const some = this.calls.length > 0;
    this.element.classList.toggle("elsewhere", !this.presenting);
    this.stack.hidden = !some || this.minimised;
    this.pill.hidden = !some || !this.minimised;
    this.labelPill();
    this.announce();
  }

  private callActions(): CallActions {
    return {
      ...this.actions,
      minimise: () => this.setMinimised(true, true),
      expand: (call) => {
        this.expanded = call.id;
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
      const state = `${call.state} ${call.disposition}`;
      if (this.announced.get(call.id) === state) continue;
      this.announced.set(call.id, state);
      const view = this.views.get(call.id);
      if (view) this.live.textContent = `${view.heading()}: ${view.title()}`;
    }
    for (const id of this.announced.keys()) if (!this.views.has(id)) this.announced.delete(id);
  }
}
