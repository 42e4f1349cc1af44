/**
 * Presses on the card's buttons (hang up, decline, dial the extension, choose the client): sent at once or not at all, and reported if the
 * server does not confirm them.
 *
 * A lost network keeps sent data and delivers it when it is back, half a minute later. So each press has the server's
 * clock, and the server refuses one that is too old. Nothing is kept here to be sent later.
 */

import type { Environment } from "./connection";
import type { Command, Order } from "./messages";

/** After the confirmation: the card changes by itself within this time, and a second press does not count. */
const SETTLE_MS = 2_000;

export interface PressEvents {
  /** False when it cannot be sent. */
  send(command: Command): boolean;
  /** Nothing was sent. */
  unsent(): void;
  /** It was sent, and the server did not confirm it in time: it may or may not have had an effect. */
  unconfirmed(): void;
}

interface Pending {
  what: string;
  settle(): void;
  cancel(): void;
}

export class Presses {
  private readonly pending = new Map<string, Pending>();

  constructor(
    private readonly environment: Pick<Environment, "after">,
    private readonly events: PressEvents,
    private readonly uuid: () => string,
  ) {}

  /**
   * Resolves when the button may be pressed again. A second press of the same meanwhile does nothing.
   *
   * `serverNow`: seconds; `confirmedWithin`: seconds, null for a server that confirms nothing.
   */
  press(order: Order, serverNow: number, confirmedWithin: number | null): Promise<void> {
    const what = JSON.stringify(order);
    if ([...this.pending.values()].some((one) => one.what === what)) return Promise.resolve();
    const id = this.uuid();
    if (!this.events.send({ ...order, id, at: serverNow })) {
      this.events.unsent();
      return Promise.resolve();
    }
    return new Promise((settle) => {
      const waits = confirmedWithin === null ? SETTLE_MS : confirmedWithin * 1000;
      const cancel = this.environment.after(waits, () => {
        this.forget(id);
        if (confirmedWithin !== null) this.events.unconfirmed();
      });
      this.pending.set(id, { what, settle, cancel });
    });
  }

  /** The server has it. */
  received(id: string): void {
    const pending = this.pending.get(id);
    if (!pending) return;
    pending.cancel();
    pending.cancel = this.environment.after(SETTLE_MS, () => this.forget(id));
  }

  /** The tab that holds the connection could not send it. */
  unsent(id: string): void {
    if (this.forget(id)) this.events.unsent();
  }

  stop(): void {
    for (const id of [...this.pending.keys()]) this.forget(id);
  }

  private forget(id: string): boolean {
    const pending = this.pending.get(id);
    if (!pending) return false;
    pending.cancel();
    this.pending.delete(id);
    pending.settle();
    return true;
  }
}
