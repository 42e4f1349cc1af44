/**
 * A manager's note in the card: a text that saves itself during the talk and after it. `note_draft.ts` has its logic,
 * `result_view.ts` the result below it.
 */

import { ApiError } from "./api";
import { el, foreign } from "./dom";
import type { NotedCall, NotesAnswer } from "./messages";
import { type NoteActions, NoteDraft } from "./note_draft";
import { ResultView } from "./result_view";
import type { Texts } from "./texts";

const MOST = 5_000; // characters, as the server takes them
const LOAD_AGAIN_MS = 3_000;
const KEEP_WRITTEN = 60; // seconds after the end of a call with a note, for its result
const SHOWN_OF_THEIRS = 200; // characters

export class NoteView {
  readonly element = el("div", { class: "notes", hidden: true });
  private readonly field: HTMLTextAreaElement;
  private readonly status = el("p", { class: "note-state", role: "status" });
  private readonly conflict = el("div", { class: "note-conflict", hidden: true });
  private readonly draft: NoteDraft;
  private readonly result: ResultView;
  private wasAsked = false;
  private serverNow = 0;
  private cancel: () => void = () => {};

  constructor(
    private readonly call: NotedCall,
    private readonly texts: Texts,
    private readonly actions: NoteActions,
  ) {
    this.draft = new NoteDraft(call.id, actions, () => this.draw());
    this.result = new ResultView(texts, this.draft, actions.newRequest, () => this.serverNow);
    this.field = el("textarea", {
      rows: "2",
      maxlength: String(MOST),
      placeholder: texts.say("note_placeholder"),
      "aria-label": texts.say("note"),
      oninput: () => this.draft.type(this.field.value),
      onblur: () => void this.draft.flush(),
    });
    const head = el("div", { class: "note-head" }, el("div", { class: "subhead" }, texts.say("note")), this.status);
    // The CRM has hot keys, so keys typed here must not reach it.
    const quiet = (event: Event) => event.stopPropagation();
    const onkeydown = (event: Event) => {
      event.stopPropagation();
      if ((event as KeyboardEvent).key === "Escape") this.escape();
    };
    for (const [name, listener] of [
      ["keydown", onkeydown],
      ["keyup", quiet],
      ["keypress", quiet],
    ] as const)
      this.element.addEventListener(name, listener);
    this.element.append(head, this.field, this.conflict, this.result.element);
    this.draw();
  }

  /** Whether the card must stay open: something typed is not saved, or a person is at it. */
  get isBusy(): boolean {
    if (this.element.hidden) return false;
    const { state } = this.draft;
    const isLosing = this.draft.isUnsaved && state !== "lost";
    return isLosing || this.result.isOpen || this.hasFocus;
  }

  /** How long the card of an ended call stays because of the note, in seconds. */
  get keepSeconds(): number {
    return !this.element.hidden && this.draft.text.trim() && !this.result.isDone ? KEEP_WRITTEN : 0;
  }

  /** It is written elsewhere in the page. */
  isElsewhere = false;

  /** `serverNow`: the server's clock in Unix seconds. */
  update(call: NotedCall, serverNow: number): void {
    this.serverNow = serverNow;
    const isTheirs = call.is_own || call.answered_at !== null;
    const isOver = call.state === "ended";
    const shown = isTheirs && call.direction !== "internal" && !call.failure && (call.state === "talking" || isOver);
    // Once something was typed it stays in sight, whatever becomes of the call.
    this.element.hidden = this.isElsewhere || (!shown && !this.draft.text);
    if (this.element.hidden) return;
    this.result.setOffered(isOver);
    if (!this.wasAsked) void this.load();
  }

  take(note: NotesAnswer["note"]): void {
    this.draft.take(note);
    this.result.take(note);
  }

  /** The person closed the card. What was typed is saved, not thrown away. */
  giveUp(): void {
    this.flush();
    this.result.close();
    this.field.blur();
    this.cancel();
  }

  /** Saves now what waits for a pause. */
  flush(): void {
    void this.draft.flush();
  }

  private async load(): Promise<void> {
    this.wasAsked = true;
    try {
      const answer = await this.actions.read(this.call.id);
      this.result.offer(answer);
      this.take(answer.note);
    } catch (error) {
      if (error instanceof ApiError && ["call_unknown", "not_allowed"].includes(error.code)) {
        this.element.hidden = !this.draft.text;
        return;
      }
      this.cancel = this.actions.after(LOAD_AGAIN_MS, () => void this.load());
    }
  }

  private draw(): void {
    const { draft } = this;
    if (this.field.value !== draft.text) this.field.value = draft.text;
    this.status.className = `note-state ${draft.state}`;
    this.status.textContent = this.words();
    this.conflict.hidden = draft.theirs === null;
    if (draft.theirs && !this.conflict.childElementCount) {
      const theirs = draft.theirs.text.slice(0, SHOWN_OF_THEIRS);
      const button = (key: "note_take_theirs" | "note_keep_mine", onclick: () => void) =>
        el("button", { type: "button", class: "button", onclick }, this.texts.say(key));
      this.conflict.append(
        el("p", {}, this.texts.say("note_conflict")),
        el("blockquote", {}, foreign(theirs)),
        el(
          "div",
          { class: "actions inner" },
          button("note_keep_mine", () => this.settle(() => draft.keepMine())),
          button("note_take_theirs", () => this.settle(() => draft.takeTheirs())),
        ),
      );
    }
    if (!draft.theirs) this.conflict.replaceChildren();
  }

  private settle(choose: () => void): void {
    choose();
    this.field.focus();
  }

  private words(): string {
    const { draft, texts } = this;
    switch (draft.state) {
      case "saving":
        return texts.say("note_saving");
      case "saved":
        return draft.isUnsaved ? texts.say("note_saving") : texts.say("note_saved");
      case "failed":
        return texts.say("note_unsaved");
      case "lost":
        return draft.problem ? texts.problem(draft.problem.code, draft.problem.message) : "";
      default:
        return "";
    }
  }

  private get hasFocus(): boolean {
    const root = this.element.getRootNode() as Document | ShadowRoot;
    return root.activeElement === this.field;
  }

  /** From the form back to its button, from the field to the card. */
  private escape(): void {
    if (this.result.escape()) return;
    this.field.blur();
    this.element.closest("article")?.querySelector<HTMLElement>(".top button")?.focus();
  }
}
