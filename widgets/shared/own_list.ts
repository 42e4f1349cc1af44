/**
 * The manager's own list as this page knows it: takes the server's messages, which are whole or a difference.
 *
 * Pure bookkeeping: no DOM, no network, no timers. `own_list_view.ts` draws it.
 */

import type { ListedClient, OwnListMessage } from "./messages";

export interface OwnListState extends Omit<OwnListMessage, "type" | "base" | "order" | "script" | "clients"> {
  /** In the order in which they are called. */
  clients: ListedClient[];
  script: string;
}

const DONE = new Set<ListedClient["state"]>(["reached", "not_reached", "skipped", "unclear"]);

export class OwnList {
  private known: OwnListState | null = null;

  get state(): OwnListState | null {
    return this.known;
  }

  /** `gap`: a message before this one is missing, so that the whole list has to be asked for. */
  take(message: OwnListMessage): "changed" | "same" | "gap" {
    const { type: _, base, order, script, ...head } = message;
    const { known } = this;
    if (base !== null && known && message.revision <= known.revision) return "same";
    if (base !== null && base !== known?.revision) return "gap";
    const before = base === null ? [] : (known?.clients ?? []);
    const clients = new Map(before.map((client) => [client.key, client]));
    for (const client of message.clients) clients.set(client.key, client);
    const keys = order ?? before.map((client) => client.key);
    this.known = {
      ...head,
      clients: keys.map((key) => clients.get(key)).filter((client): client is ListedClient => client !== undefined),
      script: script ?? known?.script ?? "",
    };
    return "changed";
  }

  /** The whole list as a message, for a tab that opened later. */
  whole(): OwnListMessage | null {
    if (!this.known) return null;
    return { ...this.known, type: "own_list", base: null, order: this.known.clients.map((client) => client.key) };
  }
}

export function isDone(client: ListedClient): boolean {
  return DONE.has(client.state);
}

/** Who is called now or next. */
export function upcoming(list: OwnListState): ListedClient | undefined {
  return (
    list.clients.find((client) => client.state === "taken") ?? list.clients.find((client) => client.state === "waiting")
  );
}

export function isCalling(list: OwnListState): boolean {
  return list.phase === "calling" || list.phase === "talking";
}

/** Whether somebody is called, or will be without another press. */
export function isRunning(list: OwnListState): boolean {
  return isCalling(list) || list.phase === "waiting";
}
