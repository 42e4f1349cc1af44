/**
 * The card: a panel at the bottom right of any CRM's page with the manager's calls, and short notices above it.
 *
 * It shows the given calls and reports presses. `call_view.ts` draws one call; `widget.ts` supplies the calls.
 * Everything is in one shadow root, so that the CRM's styles and ours never meet.
 */

import { type CallActions, CallView } from "./call_view";
import styles from "./card.css";
import type { ChoiceActions, ChoicesView } from "./choices_view";
import { addStyle, el, icon } from "./dom";
import type { CardFrame } from "./host";
import { focusedElement } from "./hot_key";
import { keepSeconds } from "./keeping";
import type { CallNote, CardCall, EntityRef, OfferMessage } from "./messages";
import noteStyles from "./note.css";
import { type NoticeKind, Notices } from "./notices";
import type { Pill } from "./pill";
import { type PreviewActions, PreviewView } from "./preview_view";
import type { SelectionActions, SelectionView } from "./selection_view";
import type { Texts } from "./texts";

export interface CardActions extends Omit<CallActions, "minimise" | "expand"> {
  /** What the person decides about the next client of a campaign. */
  preview: Omit<PreviewActions, "open">;
  minimised(minimised: boolean): void;
  /** The ring was switched; its new state. */
  switchSound(): boolean;
  /** The answer to the offer of notifications. */
  notifications(wanted: boolean): void;
  /** What the person can choose about the card; null: nothing, as in a frame. */
  choosing: Omit<ChoiceActions, "closed"> | null;
}

/** The parts that only a floating card has. */
export interface CardParts {
  readonly styles: string;
  choices(texts: Texts): ChoicesView;
  selection(texts: Texts): SelectionView;
  pill(texts: Texts, restore: () => void): Pill;
  /** Asks whether notifications are wanted. */
  offer(texts: Texts, answered: (wanted: boolean) => void): HTMLElement;
}

type FramedPlace = Pick<CardFrame, "keeps" | "held" | "showing">;

const KEEP_AFTER_TOUCH = 5;

export class Card {
  readonly element = el("div", { class: "dozvon-widget" });
  private readonly root: ShadowRoot;
  private readonly frame: FramedPlace | null;
  private readonly stack = el("div", { class: "stack" });
  private readonly pill: Pill | null;
  private readonly notices: Notices;
  private readonly preview: PreviewView;
  private readonly choices: ChoicesView | null;
  private readonly selection: SelectionView | null;
  private readonly choicesButton: HTMLButtonElement;
  private readonly trouble: HTMLElement;
  private readonly offer: HTMLElement | null;
  private readonly soundButton: HTMLButtonElement;
  private readonly live = el("div", { class: "unseen", "aria-live": "assertive" });
  private readonly panel: HTMLElement;
  private views = new Map<string, CallView>();
  private calls: CardCall[] = [];
  private announced = new Map<string, string>();
  private expanded: string | null = null;
  private chosen: string | null = null; // opened by the person: other events must not fold it
  private minimised = false;
  private isHeld = false;
  private notesElsewhere: string | null = null;
  private presenting = true;
  private touchedAt = Number.NEGATIVE_INFINITY;
  private readonly ticking: ReturnType<typeof setInterval>;
  private cameFrom: HTMLElement | null = null; // where the focus was before the hot key

  /**
   * `serverNow`: the server's clock in Unix seconds. `place`: in a page of ours that a CRM frames, or what a card has that
   * floats over the CRM's page.
   */
  constructor(
    private readonly texts: Texts,
    private readonly currency: string | null,
    private readonly serverNow: () => number,
    private readonly actions: CardActions,
    place: FramedPlace | CardParts,
  ) {
    const parts = "pill" in place ? place : null;
    this.frame = "pill" in place ? null : place;
    this.root = this.element.attachShadow({ mode: "open" });
    this.pill = parts?.pill(texts, () => this.setMinimised(false, true)) ?? null;
    this.trouble = el("p", { class: "trouble", role: "status", hidden: true }, icon("warning"), texts.say("no_link"));
    this.soundButton = el("button", { type: "button", class: "icon sound", hidden: true, onclick: () => this.sound() });
    this.choicesButton = el("button", {
      type: "button",
      class: "icon choose",
      "aria-expanded": "false",
      "aria-label": texts.say("choices"),
      title: texts.say("choices"),
      onclick: () => this.showChoices(!this.choices?.isOpen),
    });
    this.choicesButton.append(icon("settings"));
    this.choices = parts?.choices(texts) ?? null;
    this.selection = parts?.selection(texts) ?? null;
    this.notices = new Notices(texts);
    this.preview = new PreviewView(texts, { ...actions.preview, open: actions.open });
    this.offer = parts?.offer(texts, (wanted) => this.actions.notifications(wanted)) ?? null;
    this.panel = el(
      "section",
      { class: "panel", "aria-label": texts.say("calls_region") },
      this.notices.element,
      ...(this.selection ? [this.selection.element] : []),
      this.trouble,
      this.preview.element,
      this.stack,
      ...[this.choices?.element, this.offer, this.pill?.element].filter((one) => one !== undefined && one !== null),
    );
    const touched = () => {
      this.touchedAt = this.serverNow();
      this.hold(); // the CRM may close its card within the second
    };
    for (const event of ["pointermove", "pointerdown", "keydown", "focusin"])
      this.panel.addEventListener(event, touched);
    this.panel.addEventListener("keydown", (event) => this.escape(event));
    this.root.append(this.panel, this.live);
    addStyle(this.root, styles + noteStyles + (parts?.styles ?? ""));
    if (this.frame) this.element.classList.add("framed", ...(this.frame.keeps ? ["kept"] : []));
    this.setSound(true);
    this.ticking = setInterval(() => this.tick(), 1000);
    this.arrange();
  }

  destroy(): void {
    clearInterval(this.ticking);
    this.notices.stop();
    this.preview.stop();
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

  /** The manager's note was changed, here or in another window. */
  noteChanged(call: string, note: CallNote): void {
    this.views.get(call)?.note?.take(note);
  }

  /** This call's note and result stand elsewhere in the page; null: none do. */
  setNotesElsewhere(call: string | null): void {
    if (call === this.notesElsewhere) return;
    this.notesElsewhere = call;
    this.arrange();
  }

  /** How far from the page's lower edge, in pixels, because something else stands there. */
  setRaised(pixels: number): void {
    this.element.style.setProperty("--raised-by", `${pixels}px`);
  }

  /** A call's text for the tab's title and a notification. */
  wordsOf(id: string): { heading: string; who: string } | null {
    const view = this.views.get(id);
    return view ? { heading: view.heading(), who: view.title() } : null;
  }

  /** The page is about to be closed: save what was typed. */
  settle(): void {
    for (const view of this.views.values()) view.note?.flush();
  }

  setDark(dark: boolean): void {
    this.element.classList.toggle("dark", dark);
  }

  setMinimised(minimised: boolean, byThisTab = false): void {
    if (minimised === this.minimised) return;
    const hadFocus = this.root.activeElement !== null;
    this.minimised = minimised;
    if (minimised) this.showChoices(false);
    this.arrange();
    // The pressed button is gone: the keyboard's focus goes back to the page, if the hot key brought it here, otherwise
    // to the card's new place.
    if (hadFocus && minimised && this.cameFrom) this.giveFocusBack();
    else if (hadFocus) (minimised ? this.pill?.element : this.firstButton())?.focus();
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
    if (this.offer) this.offer.hidden = !offered || this.minimised || !this.calls.length;
  }

  notice(kind: NoticeKind, text: string): void {
    this.notices.say(kind, text);
  }

  /** The next client of a campaign, who waits for what this person decides; or nobody. */
  showOffer(message: OfferMessage): void {
    this.preview.show(message, this.serverNow());
    this.frame?.showing(this.calls.length + Number(this.preview.isShown));
  }

  /** What was ticked in a list of the CRM. Never rejects. False: campaigns are not this person's. */
  select(entities: EntityRef[], actions: SelectionActions): Promise<void> {
    return this.selection?.open(entities, actions) ?? Promise.resolve();
  }

  /** The hot key: to the open call, and from the card back to where the focus was. False: there is nothing to go to. */
  takeFocus(): boolean {
    if ((!this.calls.length && !this.preview.isShown) || !this.presenting) return false;
    if (this.root.activeElement !== null) {
      this.giveFocusBack();
      return true;
    }
    this.cameFrom = focusedElement();
    if (this.minimised) this.setMinimised(false, true);
    const open = this.expanded === null ? undefined : this.views.get(this.expanded);
    const place = open?.element.querySelector<HTMLElement>(".actions .button, a.name") ?? this.firstButton();
    place?.focus();
    return true;
  }

  private giveFocusBack(): void {
    const to = this.cameFrom;
    this.cameFrom = null;
    if (to?.isConnected) to.focus();
    else (this.root.activeElement as HTMLElement | null)?.blur();
  }

  private firstButton(): HTMLElement | null {
    return this.panel.querySelector(".preview:not([hidden]) button") ?? this.stack.querySelector("button");
  }

  private escape(event: KeyboardEvent): void {
    if (event.key !== "Escape" || !this.calls.length || this.frame) return;
    event.stopPropagation();
    this.setMinimised(true, true);
  }

  private tick(): void {
    const now = this.serverNow();
    this.preview.tick(now);
    const left = this.calls.filter((call) => !this.isOver(call));
    if (left.length !== this.calls.length) {
      this.calls = left;
      this.arrange();
      return;
    }
    if (!this.isStale) for (const view of this.views.values()) view.tick(now);
    this.labelPill();
    this.hold();
  }

  /** Tells the CRM around a framed card when somebody begins and stops typing. */
  private hold(): void {
    const held = [...this.views.values()].some((view) => view.isBusy);
    if (held !== this.isHeld) this.frame?.held(held);
    this.isHeld = held;
  }

  private get isStale(): boolean {
    return !this.trouble.hidden;
  }

  private isOver(call: CardCall): boolean {
    // Never from under a resting pointer.
    if (call.state !== "ended" || this.views.get(call.id)?.isBusy || this.panel.matches(":hover")) return false;
    if (this.choices?.isOpen || this.frame?.keeps) return false;
    const keep = Math.max(keepSeconds(call), this.views.get(call.id)?.note?.keepSeconds ?? 0);
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
      if (view.note) view.note.isElsewhere = call.id === this.notesElsewhere;
      // A form in which a person is typing is not folded.
      view.update(call, now, call.id !== this.expanded && !view.isBusy);
      // Moved only when it must be: moving an element takes the focus from what is inside.
      const there = this.stack.children[place] ?? null;
      if (there !== view.element) this.stack.insertBefore(view.element, there);
    });
    const some = this.calls.length > 0;
    this.frame?.showing(this.calls.length + Number(this.preview.isShown));
    this.element.classList.toggle("elsewhere", !this.presenting);
    if (!some) this.showChoices(false);
    this.stack.hidden = !some || this.minimised;
    if (this.pill) this.pill.element.hidden = !some || !this.minimised;
    if (this.offer && (!some || this.minimised)) this.offer.hidden = true;
    this.placeHeadButtons();
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

  /** Beside "minimise": the choices in the head of the open call, the ring's switch in that of a call that rings. */
  private placeHeadButtons(): void {
    if (this.frame) return;
    const ringing = this.calls.find((call) => call.state === "ringing" && !call.is_own);
    this.place(this.choicesButton, this.expanded);
    this.place(this.soundButton, ringing?.id ?? null);
  }

  private place(button: HTMLButtonElement, call: string | null): void {
    const head = call === null ? undefined : this.views.get(call)?.element.querySelector(".top");
    button.hidden = !head;
    const before = head?.querySelector("button:not(.sound, .choose)");
    if (!head || !before || button.parentElement === head) return;
    // Moving an element takes the focus from it.
    const hadFocus = button.matches(":focus");
    head.insertBefore(button, button === this.soundButton ? head.querySelector("button") : before);
    if (hadFocus) button.focus();
  }

  private showChoices(shown: boolean): void {
    const { choosing } = this.actions;
    if (!this.choices || !choosing || shown === this.choices.isOpen) return;
    this.choicesButton.setAttribute("aria-expanded", String(shown));
    if (!shown) return this.choices.close();
    this.choices.open({
      ...choosing,
      changed: () => {
        choosing.changed();
        this.setSound(choosing.choices.sound);
      },
      closed: () => {
        this.showChoices(false);
        this.choicesButton.focus();
      },
    });
  }

  private sound(): void {
    this.setSound(this.actions.switchSound());
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
    if (call && view && this.pill && !this.pill.element.hidden) this.pill.label(call, view, this.calls.length - 1);
  }

  /** Tells a screen reader once per call and state; the timer is not read out. */
  private announce(): void {
    if (!this.presenting) return;
    for (const call of this.calls) {
      const state = `${call.state} ${call.result ?? call.disposition} ${call.state === "talking" && call.held_since !== null}`;
      if (this.announced.get(call.id) === state) continue;
      this.announced.set(call.id, state);
      const view = this.views.get(call.id);
      if (view) this.live.textContent = view.announcement();
    }
    for (const id of this.announced.keys()) if (!this.views.has(id)) this.announced.delete(id);
  }
}
