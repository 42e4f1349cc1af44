/**
 * The panel of a manager's own list, at the bottom of the CRM's page: what is called now, the timer, the clients, the
 * script, and what the manager writes after the call. It reports presses; the server decides.
 *
 * It has a shadow root of its own. `own_list.ts` has the state, `own_list_rows.ts` the clients.
 */

import cardStyles from "./card.css";
import { addStyle, el, foreign, type Icon, icon, link } from "./dom";
import type { NotedCall, OwnListAction } from "./messages";
import noteStyles from "./note.css";
import type { NoteActions } from "./note_draft";
import { NoteView } from "./note_view";
import { isCalling, isDone, isRunning, type OwnListState, upcoming } from "./own_list";
import styles from "./own_list.css";
import { OwnListRows } from "./own_list_rows";
import { ScriptView } from "./script_view";
import type { TextKey, Texts } from "./texts";

export interface OwnListActions {
  press(action: OwnListAction, client: number | null): void;
  open(url: string): void;
  keepScript(script: string): Promise<void>;
  notes: NoteActions;
  /** How high the panel is now, in pixels: what else stands at the bottom has to make room. */
  height(pixels: number): void;
  /** The call whose note and result the panel shows; null: none. */
  notesOf(call: string | null): void;
}

/** How long a button does nothing after its meaning has changed: about as long as a hand is on its way. */
const SETTLE_MS = 700;

/** Makes the panel, for pages that have a place for it: others do not load this module. */
export function ownListView(...parts: ConstructorParameters<typeof OwnListView>): OwnListView {
  return new OwnListView(...parts);
}

export class OwnListView {
  readonly element = el("div", { class: "dozvon-list" });
  private readonly panel: HTMLElement;
  private readonly start: HTMLButtonElement;
  private readonly timer: HTMLButtonElement;
  private readonly skip: HTMLButtonElement;
  private readonly fold: HTMLButtonElement;
  private readonly close: HTMLButtonElement;
  private readonly words = el("div", { class: "now", role: "status" });
  private readonly left = el("span", { class: "left", role: "timer" });
  private readonly progress = el("span", { class: "progress" });
  private readonly bar = el("progress", { max: "1" });
  private readonly why = el("p", { class: "why-not", role: "alert", hidden: true });
  private readonly confirm: HTMLElement;
  private readonly inside: HTMLElement;
  private readonly side = el("div", { class: "side" });
  private readonly noteSlot = el("div", { class: "slot" });
  private readonly rows: OwnListRows;
  private readonly script: ScriptView;
  private list: OwnListState | null = null;
  private note: { call: string; view: NoteView } | null = null;
  private folded = false;
  private said = "";
  private readonly settling = new Map<HTMLButtonElement, () => void>();
  private readonly ticking: ReturnType<typeof setInterval>;
  private readonly resized: ResizeObserver | null;

  constructor(
    private readonly texts: Texts,
    private readonly serverNow: () => number,
    private readonly actions: OwnListActions,
    framed = false,
  ) {
    const root = this.element.attachShadow({ mode: "open" });
    this.start = this.button("main", () => this.pressSettled(this.start, this.runs ? "stop" : "start"));
    this.timer = this.button("", () => this.pressSettled(this.timer, this.list?.phase === "held" ? "resume" : "hold"));
    this.skip = this.button("", () => this.pressUpcoming("skip"));
    this.close = this.iconButton("close", "list_clear", () => this.ask(Boolean(this.confirm.hidden)));
    this.fold = this.iconButton("chevron", "list_fold", () => this.setFolded(!this.folded));
    this.confirm = this.question();
    this.rows = new OwnListRows(texts, (action, client) => actions.press(action, client), actions.open);
    this.script = new ScriptView(texts, actions.keepScript);
    this.inside = el("div", { class: "inside" }, this.rows.element, this.side);
    this.side.append(this.script.element, this.noteSlot);
    this.panel = el(
      "section",
      { class: "list", "aria-label": texts.say("list_title") },
      el(
        "div",
        { class: "bar" },
        el("div", { class: "controls" }, this.start, this.timer, this.skip),
        el("div", { class: "telling" }, this.words, this.left),
        el("div", { class: "counts" }, this.progress, this.bar),
        el("div", { class: "ends" }, this.fold, this.close),
      ),
      this.why,
      this.confirm,
      this.inside,
    );
    // Whoever writes about the last call does not want the next one yet.
    for (const event of ["input", "click"]) this.noteSlot.addEventListener(event, () => this.holdForWriting());
    this.panel.addEventListener("keydown", (event) => this.escape(event));
    root.append(this.panel);
    addStyle(root, cardStyles + noteStyles + styles);
    this.element.classList.toggle("framed", framed);
    this.element.hidden = true;
    this.ticking = setInterval(() => this.tick(), 250);
    this.resized =
      typeof ResizeObserver === "function" ? new ResizeObserver(() => actions.height(this.element.offsetHeight)) : null;
    this.resized?.observe(this.element);
  }

  destroy(): void {
    clearInterval(this.ticking);
    this.resized?.disconnect();
    this.note?.view.giveUp();
    this.element.remove();
  }

  setDark(dark: boolean): void {
    this.element.classList.toggle("dark", dark);
  }

  /** No connection: what is shown may be out of date, and the timer stands still. */
  setTrouble(trouble: boolean): void {
    this.panel.classList.toggle("stale", trouble);
  }

  show(list: OwnListState): void {
    const moved = this.list === null || upcoming(this.list)?.key !== upcoming(list)?.key;
    this.list = list;
    this.element.hidden = list.clients.length === 0;
    if (this.element.hidden) {
      this.ask(false);
      this.dropNote();
      this.actions.height(0);
      return;
    }
    this.rows.show(list);
    if (moved) this.rows.reveal(list);
    this.script.show(list.script);
    this.showControls(list);
    this.showWords(list);
    this.showNote(list);
    this.tick();
  }

  /** The manager's note was changed, here or in another window. */
  noteChanged(call: string, note: Parameters<NoteView["take"]>[0]): void {
    if (this.note?.call === call) this.note.view.take(note);
  }

  /** Saves what was typed. */
  settle(): void {
    this.note?.view.flush();
  }

  /** Whether leaving the page now would end what is going on. */
  get isRunning(): boolean {
    return this.list !== null && isRunning(this.list);
  }

  /** The hot key. False: there is nothing to go to. */
  takeFocus(): boolean {
    if (this.element.hidden) return false;
    this.start.focus();
    return true;
  }

  get hasFocus(): boolean {
    return this.element.shadowRoot?.activeElement != null;
  }

  private get runs(): boolean {
    return this.list !== null && (this.list.phase === "held" || isRunning(this.list)) && this.list.leaving !== "stop";
  }

  private press(action: OwnListAction): void {
    this.actions.press(action, null);
  }

  /** Not in the moment in which the button has got another meaning: the person pressed what they saw before. */
  private pressSettled(button: HTMLButtonElement, action: OwnListAction): void {
    if (button.getAttribute("aria-disabled") !== "true") this.press(action);
  }

  private pressUpcoming(action: OwnListAction): void {
    const client = this.list && upcoming(this.list);
    if (client) this.actions.press(action, client.key);
  }

  private holdForWriting(): void {
    if (this.list?.phase === "waiting" && this.note?.view.isBusy) this.press("hold");
  }

  /** Of a button that means one thing or the other: the second press of a double click must not undo the first. */
  private relabel(button: HTMLButtonElement, image: Icon, words: string): void {
    const had = button.getAttribute("aria-label");
    label(button, image, words);
    if (had === null || had === words) return;
    this.settling.get(button)?.();
    button.setAttribute("aria-disabled", "true");
    const settled = this.actions.notes.after(SETTLE_MS, () => button.removeAttribute("aria-disabled"));
    this.settling.set(button, settled);
  }

  private showControls(list: OwnListState): void {
    const hasNext = upcoming(list) !== undefined;
    this.relabel(this.start, this.runs ? "stop" : "play", this.texts.say(this.runs ? "list_stop" : "list_start"));
    this.start.classList.toggle("danger", this.runs);
    this.start.classList.toggle("main", !this.runs);
    this.start.disabled = !this.runs && !hasNext;
    const held = list.phase === "held";
    this.relabel(this.timer, held ? "play" : "pause", this.texts.say(held ? "list_resume" : "list_hold"));
    this.timer.disabled = list.phase !== "waiting" && !held;
    label(this.skip, "next", this.texts.say("list_skip"));
    this.skip.disabled = !hasNext || list.phase === "talking";
    const done = list.clients.filter(isDone).length;
    this.progress.textContent = this.texts.say("list_progress", { n: done, all: list.clients.length });
    this.bar.max = list.clients.length;
    this.bar.value = done;
    this.bar.setAttribute("aria-label", this.progress.textContent);
  }

  private showWords(list: OwnListState): void {
    const client = upcoming(list);
    const said = `${list.phase} ${client?.key} ${list.number} ${list.leaving} ${list.why}`;
    if (said !== this.said) {
      this.said = said;
      const parts: (Node | string)[] = [el("b", {}, this.texts.say(phaseWords(list)))];
      if (client && list.why !== "finished") {
        const number = list.number ?? client.numbers.find((each) => each.struck === null)?.number ?? "";
        const name = link(client.name || this.texts.say("unnamed"), client.url, "name", this.actions.open);
        parts.push(" ", name, " ", foreign(number));
      }
      this.words.replaceChildren(...parts);
    }
    const why = list.why && list.why !== "finished" ? whyWords(list.why, this.texts) : "";
    this.why.hidden = !why;
    if (this.why.textContent !== why) this.why.textContent = why;
  }

  /** The note belongs to the client who is talked to, or was called last. */
  private showNote(list: OwnListState): void {
    const client = list.clients.find((each) => each.key === list.current);
    const call = client?.call ?? null;
    if (call !== this.note?.call) {
      this.dropNote();
      if (call && client) {
        const view = new NoteView(noted(call, list), this.texts, this.actions.notes);
        this.note = { call, view };
        const head = el("p", { class: "note-of" }, this.texts.say("list_note_of"), " ", foreign(client.name));
        this.noteSlot.replaceChildren(head, view.element);
      }
    }
    if (this.note) this.note.view.update(noted(this.note.call, list), this.serverNow());
    this.actions.notesOf(this.note && !this.folded ? this.note.call : null);
  }

  private dropNote(): void {
    this.note?.view.giveUp();
    this.note = null;
    this.noteSlot.replaceChildren();
    this.actions.notesOf(null);
  }

  private tick(): void {
    const { list } = this;
    if (!list || this.element.hidden || this.panel.classList.contains("stale")) return;
    const left =
      list.phase === "held" ? list.left_seconds : list.due_at !== null ? list.due_at - this.serverNow() : null;
    const words =
      left === null || isCalling(list)
        ? ""
        : this.texts.say(list.phase === "held" ? "list_left" : "list_in", { n: Math.max(0, Math.ceil(left)) });
    if (this.left.textContent !== words) this.left.textContent = words;
    this.left.classList.toggle("stopped", list.phase === "held");
    if (this.note) this.note.view.update(noted(this.note.call, list), this.serverNow());
  }

  private setFolded(folded: boolean): void {
    this.folded = folded;
    this.inside.hidden = folded;
    const words = this.texts.say(folded ? "list_unfold" : "list_fold");
    this.fold.setAttribute("aria-label", words);
    this.fold.setAttribute("aria-expanded", String(!folded));
    this.fold.title = words;
    this.fold.classList.toggle("turned", folded);
    this.actions.notesOf(this.note && !folded ? this.note.call : null);
  }

  private question(): HTMLElement {
    const yes = el("button", { type: "button", class: "button danger", onclick: () => this.clear() });
    yes.append(this.texts.say("list_clear"));
    const no = el("button", { type: "button", class: "button", onclick: () => this.ask(false) });
    no.append(this.texts.say("cancel"));
    return el(
      "div",
      { class: "confirm", role: "group", hidden: true, "aria-label": this.texts.say("list_clear") },
      el("p", {}, this.texts.say("list_clear_ask")),
      yes,
      no,
    );
  }

  private ask(asked: boolean): void {
    if (asked === !this.confirm.hidden) return;
    this.confirm.hidden = !asked;
    this.close.setAttribute("aria-expanded", String(asked));
    // The answer that changes nothing comes first under a hasty Enter.
    if (asked) this.confirm.querySelector<HTMLElement>("button:last-child")?.focus();
    else if (!this.element.hidden) this.close.focus();
  }

  private clear(): void {
    this.ask(false);
    this.press("clear");
  }

  private escape(event: KeyboardEvent): void {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    if (!this.confirm.hidden) this.ask(false);
    else if (!this.folded) {
      this.setFolded(true);
      this.fold.focus();
    }
  }

  private button(kind: string, onclick: () => void): HTMLButtonElement {
    return el("button", { type: "button", class: `button ${kind}`, onclick });
  }

  private iconButton(image: Icon, key: TextKey, onclick: () => void): HTMLButtonElement {
    const words = this.texts.say(key);
    const expanded = String(key === "list_fold");
    const button = el("button", {
      type: "button",
      class: "icon",
      "aria-label": words,
      "aria-expanded": expanded,
      title: words,
      onclick,
    });
    button.append(icon(image));
    return button;
  }
}

function label(button: HTMLButtonElement, image: Icon, words: string): void {
  if (button.getAttribute("aria-label") === words) return;
  button.setAttribute("aria-label", words);
  button.title = words;
  button.replaceChildren(icon(image), el("span", { class: "label" }, words));
}

function phaseWords(list: OwnListState): TextKey {
  if (list.leaving && list.phase === "talking") return "list_stops_after";
  if (list.leaving) return "list_hanging_up";
  if (list.phase === "idle") return list.why === "finished" ? "list_finished" : "list_idle";
  return `list_phase_${list.phase}` as TextKey;
}

function whyWords(code: string, texts: Texts): string {
  const key = `list_why_${code}`;
  return texts.has(key) ? texts.say(key) : texts.problem(code);
}

function noted(call: string, list: OwnListState): NotedCall {
  const isThis = isCalling(list) && list.clients.find((client) => client.key === list.current)?.call === call;
  const state = isThis ? (list.phase === "talking" ? "talking" : "ringing") : "ended";
  return { id: call, state, direction: "outbound", is_own: true, answered_at: null, failure: null };
}
