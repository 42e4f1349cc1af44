/**
 * The present state of the manager's calls: takes server messages and returns an ordered list.
 *
 * Pure bookkeeping: no DOM, no network, no timers.
 */

import type { CardCall, ServerMessage } from "./messages";

/** More cards do not fit on a screen: a flood of calls must not hide the page. */
const MOST_SHOWN = 6;
/** Closed cards that are remembered, so that a late update does not bring one back. */
const REMEMBERED = 200;

export class Calls {
  private calls = new Map<string, CardCall>();
  private readonly dismissed = new Set<string>();
  /** Seconds to add to the browser's clock to get the server's; null until the server has sent its time. */
  private clockOffset: number | null = null;
  /** The age up to which the server accepts a command; null for a server that confirms none. */
  private commandSeconds: number | null = null;

  /** `nowSeconds`: a monotonic clock of the browser. Returns false if nothing visible changed. */
  apply(message: ServerMessage, nowSeconds: number): boolean {
    switch (message.type) {
      case "snapshot":
        this.clockOffset = message.now - nowSeconds;
        this.commandSeconds = message.command_seconds;
        this.calls = new Map(message.calls.map((call) => [call.id, call]));
        return true;
      case "call_updated":
        this.calls.set(message.call.id, message.call);
        return !this.dismissed.has(message.call.id);
      case "call_removed":
        return this.calls.delete(message.id);
      case "pong":
        // Correct a computer that slept, or whose clock is wrong, at once.
        if (message.now !== null) this.clockOffset = message.now - nowSeconds;
        return false;
      default:
        return false;
    }
  }

  /** A person closed the card; the call itself continues. Returns false if it was closed before. */
  dismiss(id: string): boolean {
    if (this.dismissed.has(id)) return false;
    this.dismissed.add(id);
    const oldest = this.dismissed.values().next();
    if (this.dismissed.size > REMEMBERED && !oldest.done) this.dismissed.delete(oldest.value);
    return true;
  }

  /** All that are known, those that a person has closed too. */
  all(): CardCall[] {
    return [...this.calls.values()].sort(
      (a, b) => Number(a.state === "ended") - Number(b.state === "ended") || since(b) - since(a),
    );
  }

  /** The calls to show: those in progress before ended ones, the newest first, at most six. */
  shown(): CardCall[] {
    return this.all()
      .filter((call) => !this.dismissed.has(call.id))
      .slice(0, MOST_SHOWN);
  }

  serverNow(nowSeconds: number): number {
    return nowSeconds + (this.clockOffset ?? 0);
  }

  /** Whether the server has sent its time, so that `serverNow` may be sent to it. */
  get knowsTheTime(): boolean {
    return this.clockOffset !== null;
  }

  /** Seconds within which the server confirms a command; null when it does not. */
  get confirmsWithin(): number | null {
    return this.commandSeconds;
  }

  /** The same state as a message, for a tab that opened later. */
  snapshot(nowSeconds: number): ServerMessage {
    const calls = [...this.calls.values()];
    return { type: "snapshot", now: this.serverNow(nowSeconds), calls, command_seconds: this.commandSeconds };
  }

  /** Ids of closed cards, for a tab that opened later. */
  dismissedIds(): string[] {
    return [...this.dismissed];
  }
}

function since(call: CardCall): number {
  return call.rings_since ?? call.started_at;
}
