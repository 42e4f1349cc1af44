/**
 * What a CRM's page must offer to the shared parts: one object per CRM, made by its host file.
 *
 * How amoCRM or Bitrix24 does it does not belong here.
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
  /** Tells the managers of one browser apart: tabs of one manager share a connection. */
  readonly managerKey: string;
  /** ISO 4217 code of the account's money, null when unknown: figures are then shown bare. */
  readonly currency: string | null;
  /** Sends with the CRM's one-time token. Never rejects: no answer is status 0. */
  authorisedFetch(method: "GET" | "POST", path: string, body?: unknown): Promise<HttpAnswer>;
  /** Opens a page of the CRM without losing this one's state where the CRM can. */
  open(url: string): void;
  isDark(): boolean;
}
