/**
 * The text of a note as this window has it, and its way to the server: saved by itself while a person types, one request
 * at a time, tried again after a failure, and never written over what another window has saved meanwhile.
 *
 * No DOM: `note_view.ts` draws it. The server's revisions say who has seen what (`../README.md`, notes).
 */

import { ApiError } from "./api";
import type { CallNote, NoteAnswer, NotesAnswer, ResultRequest, SaveNoteRequest } from "./messages";

export interface NoteActions {
  /** All reject with ApiError. */
  read(call: string): Promise<NotesAnswer>;
  save(request: SaveNoteRequest): Promise<NoteAnswer>;
  conclude(request: ResultRequest): Promise<NoteAnswer>;
  newRequest(): string;
  /** Runs later; returns how to cancel it. */
  after(ms: number, run: () => void): () => void;
  /** What this window keeps over a reload until the server has it. */
  drafts: Drafts;
}

export interface Drafts {
  get(call: string): Kept | null;
  set(call: string, kept: Kept | null): void;
}

export interface Kept {
  text: string;
  revision: number;
}

/** `lost`: it cannot be saved, and trying again will not help; `problem` says why. */
export type NoteState = "quiet" | "saving" | "saved" | "failed" | "conflict" | "lost";

const PAUSE_MS = 800; // between the last key and the save
const LONGEST_PAUSE_MS = 5_000; // for a person who types without a pause
const AGAIN_MS = [1_000, 2_000, 5_000, 10_000, 30_000];
const FINAL = new Set(["call_unknown", "not_allowed", "integration_disabled", "bad_request", "account_unknown"]);

export class NoteDraft {
  text = "";
  state: NoteState = "quiet";
  problem: { code: string; message: string } | null = null;
  /** What another window has saved, while this one has an unsaved text. */
  theirs: CallNote | null = null;
  /** The newest note that the server told. */
  known: CallNote | null = null;
  private revision = 0; // that `text` was typed on
  private saved = ""; // the server's text at `revision`
  private sending: string | null = null;
  private failures = 0;
  private unsavedSince: number | null = null;
  private cancel: () => void = () => {};

  constructor(
    private readonly call: string,
    private readonly actions: NoteActions,
    private readonly changed: () => void,
    private readonly now: () => number = () => Date.now(),
  ) {
    const kept = actions.drafts.get(call);
    if (kept) {
      this.text = kept.text;
      this.revision = kept.revision;
      this.saved = "\u0000"; // unknown until the server has answered
    }
  }

  /** Whether there is text that the server does not have. */
  get isUnsaved(): boolean {
    return this.text !== this.saved;
  }

  /** A person typed. */
  type(text: string): void {
    this.text = text;
    this.keep();
    if (this.theirs) return; // the person has to choose first
    if (!this.isUnsaved) return this.become("saved");
    this.unsavedSince ??= this.now();
    const left = this.unsavedSince + LONGEST_PAUSE_MS - this.now();
    this.later(Math.max(0, Math.min(PAUSE_MS, left)));
  }

  /** The server's note: asked for, or changed in another window or by this one. */
  take(note: CallNote): void {
    if (this.known && note.revision < this.known.revision) return;
    this.known = note;
    if (note.text === this.text || note.text === this.sending) return this.agree(note);
    if (this.isUnsaved && note.revision > this.revision && note.text !== this.saved) {
      this.theirs = note;
      return this.become("conflict");
    }
    if (this.isUnsaved) {
      // Nobody else changed the text: what this window has is newer.
      this.revision = note.revision;
      this.saved = note.text;
      this.keep();
      this.changed();
      return this.later(0);
    }
    this.text = note.text;
    this.agree(note);
  }

  takeTheirs(): void {
    const { theirs } = this;
    if (!theirs) return;
    this.theirs = null;
    this.text = theirs.text;
    this.agree(theirs);
  }

  keepMine(): void {
    const { theirs } = this;
    if (!theirs) return;
    this.theirs = null;
    this.revision = theirs.revision;
    this.saved = theirs.text;
    this.keep();
    this.become("quiet");
    this.later(0);
  }

  /** Saves now what is not saved; resolves when the request is over. */
  async flush(): Promise<void> {
    this.cancel();
    if (!this.isUnsaved || this.theirs || this.sending !== null || this.state === "lost") return;
    const text = this.text;
    this.sending = text;
    this.become("saving");
    try {
      const { note } = await this.actions.save({ call: this.call, text, revision: this.revision });
      this.sending = null;
      this.failures = 0;
      this.revision = note.revision;
      this.saved = note.text;
      // The server removes control characters: what is on the screen is what was kept.
      if (this.text === text) this.text = note.text;
      if (!this.known || note.revision >= this.known.revision) this.known = note;
      this.keep();
      this.become(this.isUnsaved ? "saving" : "saved");
      if (this.isUnsaved) this.later(PAUSE_MS);
      else this.unsavedSince = null;
    } catch (error) {
      this.sending = null;
      await this.failed(error);
    }
  }

  /** Sends the result with this text. Rejects with ApiError. */
  async conclude(values: Pick<ResultRequest, "request" | "result" | "next_step">): Promise<CallNote> {
    this.cancel();
    const text = this.text;
    const { note } = await this.actions.conclude({ call: this.call, revision: this.revision, text, ...values });
    this.revision = note.revision;
    this.saved = note.text;
    if (this.text === text) this.text = note.text;
    this.known = note;
    this.keep();
    this.become(this.isUnsaved ? "quiet" : "saved");
    if (this.isUnsaved) this.later(PAUSE_MS);
    return note;
  }

  /** The newest state of the server, after it refused an outdated one. */
  async refresh(): Promise<void> {
    this.take((await this.actions.read(this.call)).note);
  }

  stop(): void {
    this.cancel();
  }

  private async failed(error: unknown): Promise<void> {
    const { code, message } = error instanceof ApiError ? error : { code: "internal", message: "" };
    this.problem = { code, message };
    if (code === "note_changed") {
      try {
        await this.refresh();
        return;
      } catch {
        // as any other failure below
      }
    } else if (FINAL.has(code)) {
      return this.become("lost");
    }
    this.become("failed");
    this.later(AGAIN_MS[Math.min(this.failures++, AGAIN_MS.length - 1)] ?? PAUSE_MS);
  }

  /** Nothing is unsaved: the server has what this window shows. */
  private agree(note: CallNote): void {
    this.revision = note.revision;
    this.saved = note.text;
    this.theirs = null;
    this.keep();
    if (this.isUnsaved) return this.later(PAUSE_MS);
    this.unsavedSince = null;
    this.become(note.text ? "saved" : "quiet");
  }

  private keep(): void {
    this.actions.drafts.set(this.call, this.isUnsaved ? { text: this.text, revision: this.revision } : null);
  }

  private later(ms: number): void {
    this.cancel();
    this.cancel = this.actions.after(ms, () => void this.flush());
  }

  private become(state: NoteState): void {
    this.state = state;
    this.changed();
  }
}

const KEY = "dozvon.note.";

/** In this window's `sessionStorage`; nothing is kept where a page forbids it. */
export const browserDrafts: Drafts = {
  get(call) {
    try {
      const kept: unknown = JSON.parse(sessionStorage.getItem(KEY + call) ?? "null");
      const { text, revision } = (kept ?? {}) as Partial<Kept>;
      return typeof text === "string" && typeof revision === "number" ? { text, revision } : null;
    } catch {
      return null;
    }
  },
  set(call, kept) {
    try {
      if (kept) sessionStorage.setItem(KEY + call, JSON.stringify(kept));
      else sessionStorage.removeItem(KEY + call);
    } catch {
      // The server gets the text within a second anyway.
    }
  },
};
