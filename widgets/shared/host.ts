/**
 * The interface of a CRM's page for the shared parts: one object for each CRM, made by its host file.
 *
 * Code for amoCRM or Bitrix24 does not belong here.
 */

import type { Language } from "./texts";

export interface HttpAnswer {
  status: number; // 0: no answer at all
  body: unknown; // parsed JSON, or null
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
}
