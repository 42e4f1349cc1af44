/**
 * Click to call: a press on a phone field in the CRM becomes one request to Dozvon with the unchanged text.
 *
 * The server decides which number of the text is dialled, in which form, and which extension rings. The host knows
 * where numbers are in a CRM's page.
 */

import { type Api, ApiError } from "./api";
import type { EntityRef } from "./messages";

/** Presses on the same number within this time count as one click. */
const DEBOUNCE_MS = 3_000;
/** Characters of a phone field that the server reads. */
const LONGEST_TEXT = 1_000;
const LONGEST_SHOWN = 60;

export interface ClickEvents {
  calling(number: string): void;
  /** The server's clock in seconds, null until it has sent it. The server refuses a request that arrives late. */
  serverNow(): number | null;
  /** `code` as in `../README.md`, "Errors"; `offline` when the browser knows that there is no network. */
  refused(code: string, message: string): void;
}

export class Clicks {
  private readonly last = new Map<string, number>(); // digits -> when, milliseconds

  constructor(
    private readonly api: Api,
    private readonly events: ClickEvents,
    private readonly now: () => number = Date.now,
    private readonly uuid: () => string = randomId,
    private readonly online: () => boolean = () => window.navigator.onLine,
  ) {}

  /** Never rejects: it reports the result to the events. A repeated click within 3 s does nothing. */
  async dial(typed: string, entity: EntityRef | null): Promise<void> {
    const text = typed.trim();
    const digits = text.replace(/\D/g, "");
    if (digits.length < 2 || text.length > LONGEST_TEXT) return this.events.refused("bad_number", "");
    const key = digits.slice(-10);
    const now = this.now();
    for (const [old, at] of this.last) if (now - at >= DEBOUNCE_MS) this.last.delete(old);
    if (this.last.has(key)) return;
    if (!this.online()) return this.events.refused("offline", "");
    this.last.set(key, now);
    this.events.calling(text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}…` : text);
    try {
      await this.api.call({ number: text, entity, request: this.uuid(), at: this.events.serverNow() });
    } catch (error) {
      const code = error instanceof ApiError ? error.code : "internal";
      // Nothing was dialled, so the next click counts. A lost answer does not prove that.
      if (code !== "network" && code !== "busy_double_click") this.last.delete(key);
      this.events.refused(code, error instanceof Error ? error.message : "");
    }
  }
}

export function randomId(): string {
  // crypto.randomUUID wants https; a CRM page on plain http exists only in the sandbox.
  if (typeof crypto.randomUUID === "function") return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
