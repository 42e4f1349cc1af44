/**
 * The token of a framed page: got for the ticket in the page, kept in memory only, renewed by the CRM's word.
 *
 * Requests that find it over renew it together, once.
 */

import type { HttpAnswer } from "../host";
import { type EntityRef, Path } from "../messages";

export type Send = (method: "GET" | "POST", url: string, body: unknown, token: string | null) => Promise<HttpAnswer>;

/** A fresh proof from the CRM's script of who is there. Rejects when the CRM gives none. */
export type Proof = () => Promise<string>;

interface Begun {
  token: string;
}

const NO_ANSWER: HttpAnswer = { status: 0, body: null };
// The token has gone; or it has opened Dozvon's pages already, and a new one does it again.
const RENEWED_BY = new Set(["auth_failed", "crm_token_used"]);

export class FrameSession {
  private token: string | null = null;
  private beginning: Promise<HttpAnswer> | null = null;

  constructor(
    private readonly backend: string,
    private readonly renewal: { account: string; subject: EntityRef | null },
    private ticket: string | null,
    private readonly proof: Proof,
    private readonly send: Send = fetched,
  ) {}

  /** As `Host.authorisedFetch`. Never rejects. A token opens Dozvon's pages once, so the next request gets another. */
  async fetch(method: "GET" | "POST", path: string, body?: unknown): Promise<HttpAnswer> {
    const answer = await this.sent(method, path, body);
    if (path === Path.pages && answer.status === 201) this.token = null;
    return answer;
  }

  private async sent(method: "GET" | "POST", path: string, body?: unknown): Promise<HttpAnswer> {
    const used = this.token;
    if (used === null) {
      const begun = await this.begin();
      if (this.token === null) return begun;
      return this.send(method, this.backend + path, body, this.token);
    }
    const answer = await this.send(method, this.backend + path, body, used);
    if (!RENEWED_BY.has(codeOf(answer))) return answer;
    if (this.token === used) this.token = null;
    const begun = this.token === null ? await this.begin() : answer;
    if (this.token === null) return codeOf(begun) === "network" ? begun : answer;
    return this.send(method, this.backend + path, body, this.token);
  }

  /** One at a time. The ticket first; when it is gone (the page was slow, or is open for long), the CRM's word. */
  private begin(): Promise<HttpAnswer> {
    this.beginning ??= this.exchange().finally(() => {
      this.beginning = null;
    });
    return this.beginning;
  }

  private async exchange(): Promise<HttpAnswer> {
    const ticket = this.ticket;
    this.ticket = null;
    if (ticket) {
      const answer = await this.ask({ ticket });
      if (this.token !== null) return answer;
    }
    let proof: string;
    try {
      proof = await this.proof();
    } catch {
      return NO_ANSWER;
    }
    return this.ask({ ...this.renewal, proof });
  }

  private async ask(body: object): Promise<HttpAnswer> {
    const answer = await this.send("POST", this.backend + Path.frame, body, null);
    const begun = answer.body as Partial<Begun> | null;
    if (answer.status === 200 && typeof begun?.token === "string") this.token = begun.token;
    return answer;
  }
}

function codeOf(answer: HttpAnswer): string {
  if (answer.status === 0) return "network";
  if (answer.status < 400) return "";
  const code = (answer.body as { error?: { code?: unknown } } | null)?.error?.code;
  if (typeof code === "string") return code;
  return answer.status === 401 ? "auth_failed" : "internal";
}

const REQUEST_MS = 10_000;

async function fetched(method: "GET" | "POST", url: string, body: unknown, token: string | null): Promise<HttpAnswer> {
  const headers: Record<string, string> = {};
  if (token !== null) headers["X-Auth-Token"] = token;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const init: RequestInit = { method, headers, credentials: "omit", signal: AbortSignal.timeout(REQUEST_MS) };
  if (body !== undefined) init.body = JSON.stringify(body);
  try {
    const answer = await fetch(url, init);
    return { status: answer.status, body: await answer.json().catch(() => null) };
  } catch {
    return NO_ANSWER;
  }
}
