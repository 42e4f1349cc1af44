/**
 * The interface of a CRM's page for the shared parts: one object for each CRM, made by its host file.
 *
 * Code for amoCRM or Bitrix24 does not belong here.
 */

import type { CardCall } from "./messages";
import type { Language } from "./texts";

export interface HttpAnswer {
  status: number; // 0: no answer at all
  body: unknown; // parsed JSON, or null
}

/** The place of the card in a page of ours that the CRM shows in a frame. */
export interface CardFrame {
  readonly element: HTMLElement;
  /** Ended calls stay: the CRM closes the page. */
  readonly keeps: boolean;
  /** The page around the card shows what hinders the manager: no notice has to repeat it. */
  readonly saysState: boolean;
  /** Those of the manager's calls that this page shows. */
  shown(calls: CardCall[]): CardCall[];
  /** Where the manager's own list stands; absent: not in this page. */
  readonly list?: HTMLElement;
  /** How many calls stand there now. */
  showing(count: number): void;
  /** Whether a person is typing in the card, so that the CRM should not close the page. */
  held(held: boolean): void;
}

export interface Host {
  readonly crm: string;
  /** Dozvon's address without a final slash. */
  readonly backend: string;
  readonly version: string;
  readonly language: Language;
  /** Identifies the manager in this browser: tabs of one manager share a connection. */
  readonly managerKey: string;
  /** ISO 4217 code of the account's currency; null if unknown: amounts are then shown without it. */
  readonly currency: string | null;
  /** Sends with the CRM's one-time token. Never rejects: no answer is status 0. */
  authorisedFetch(method: "GET" | "POST", path: string, body?: unknown): Promise<HttpAnswer>;
  /** Opens a page of the CRM without losing this one's state where the CRM can. */
  open(url: string): void;
  isDark(): boolean;
  /** Names of other telephony widgets that work in this page, as far as the CRM shows them; null: it shows none. */
  otherTelephony(): string[] | null;
  /** Absent: the card floats over the CRM's page. */
  readonly frame?: CardFrame;
}
