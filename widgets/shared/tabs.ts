/**
 * Several tabs, one connection and one visible card.
 *
 * One tab of a browser leads (Web Locks): it alone has the socket and passes the messages to the others. One tab shows
 * the card: the one that a person looked at last. The card's content does not belong here.
 * Without Web Locks (a page on plain http, or a frame whose browser forbids them) each tab leads for itself.
 */

import type { LinkState } from "./connection";
import type { Command, OfferMessage, OwnListMessage, ServerMessage } from "./messages";

/** Messages between tabs of one manager. */
export type TabMessage =
  | { kind: "hello" } // a tab opened: the leader answers with `state`
  | {
      kind: "state";
      snapshot: ServerMessage;
      link: LinkState;
      dismissed: string[];
      presenter: string | null;
      list?: OwnListMessage | null; // absent: from a tab of an earlier release
      offer?: OfferMessage | null; // the same
    }
  | { kind: "server"; message: ServerMessage }
  | { kind: "link"; link: LinkState; sure: boolean }
  | { kind: "send"; message: Command } // to the leader, for the server
  | { kind: "unsent"; id: string } // from the leader: there is no connection for this press
  | { kind: "beat" } // to the leader, whose timers may be throttled: ask the server for a sign of life
  | { kind: "doubt" } // to the leader: the network is away, or a press was not confirmed
  | { kind: "nudge" } // to the leader: somebody looks, connect now
  | { kind: "presenting"; tab: string }
  | { kind: "left"; tab: string }
  | { kind: "dismissed"; call: string }
  | { kind: "minimised"; minimised: boolean };

export interface Channel {
  onmessage: ((event: { data: unknown }) => void) | null;
  postMessage(message: TabMessage): void;
  close(): void;
}

/** For a frame in which a browser forbids channels, because it refuses the cookies of other sites. */
export const noChannel = (): Channel => ({ onmessage: null, postMessage: () => {}, close: () => {} });

export interface Locks {
  request(name: string, options: { signal: AbortSignal }, held: () => Promise<void>): Promise<unknown>;
}

export interface TabsEvents {
  /** This tab leads from now on, until `Tabs.leave()`. */
  lead(): void;
  /** Another tab said something. */
  heard(message: TabMessage): void;
  /** Whether this tab shows the card changed. */
  presenting(): void;
}

export class Tabs {
  private leading = false;
  private presenter: string | null = null;
  private readonly ending = new AbortController();
  private release: () => void = () => {};

  constructor(
    readonly id: string,
    private readonly channel: Channel,
    private readonly locks: Locks | undefined,
    private readonly lockName: string,
    private readonly events: TabsEvents,
  ) {}

  join(): void {
    this.channel.onmessage = (event) => this.receive(event.data as TabMessage);
    this.tell({ kind: "hello" });
    if (!this.locks) {
      this.lead();
      return;
    }
    const held = () => {
      this.lead();
      return new Promise<void>((resolve) => {
        this.release = resolve;
      });
    };
    this.locks.request(this.lockName, { signal: this.ending.signal }, held).catch(() => {
      // Aborted by leave() while still waiting in the queue, or forbidden: then this tab knows of no others.
      if (!this.ending.signal.aborted && !this.leading) this.lead();
    });
  }

  leave(): void {
    this.tell({ kind: "left", tab: this.id });
    this.leading = false;
    this.ending.abort();
    this.release();
    this.channel.onmessage = null;
    this.channel.close();
  }

  tell(message: TabMessage): void {
    if (this.ending.signal.aborted) return; // left: the channel is closed, and a late timer may still speak
    this.channel.postMessage(message);
  }

  /** A person looks at this tab. */
  present(): void {
    if (this.presenter === this.id) return;
    this.presenter = this.id;
    this.tell({ kind: "presenting", tab: this.id });
    this.events.presenting();
  }

  /** Nobody looks at this tab any more: another visible tab may show the card. */
  withdraw(): void {
    if (this.presenter !== this.id) return;
    this.presenter = null;
    this.tell({ kind: "left", tab: this.id });
  }

  get isLeader(): boolean {
    return this.leading;
  }

  /** No known tab: every tab shows the card, because one too many is better than none. */
  get isPresenter(): boolean {
    return this.presenter === null || this.presenter === this.id;
  }

  /** Whether this is the one tab, of those that know each other, that does what must not be done twice. */
  get isChosen(): boolean {
    return this.presenter === null ? this.leading : this.presenter === this.id;
  }

  get presenterId(): string | null {
    return this.presenter;
  }

  private lead(): void {
    this.leading = true;
    this.events.lead();
  }

  private receive(message: TabMessage): void {
    const before = this.isPresenter;
    if (message.kind === "presenting") this.presenter = message.tab;
    if (message.kind === "left" && this.presenter === message.tab) this.presenter = null;
    if (message.kind === "state" && this.presenter === null) this.presenter = message.presenter;
    if (before !== this.isPresenter) this.events.presenting();
    this.events.heard(message);
  }
}
