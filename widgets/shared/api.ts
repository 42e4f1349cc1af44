/** Dozvon's HTTP calls, typed. The host sends them; messages for people are elsewhere. */

import type { Host } from "./host";
import {
  type CallAnswer,
  type CallRequest,
  type CreateContactAnswer,
  type CreateContactRequest,
  Path,
  PROTOCOL,
  type SessionAnswer,
  type SessionRequest,
  type StatusAnswer,
} from "./messages";

/** A refusal. `code` is stable (`../README.md`, "Errors"); `network` when there was no answer at all. */
export class ApiError extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = "ApiError";
    this.code = code;
  }
}

export interface Api {
  session(): Promise<SessionAnswer>;
  status(): Promise<StatusAnswer>;
  call(request: CallRequest): Promise<CallAnswer>;
  createContact(request: CreateContactRequest): Promise<CreateContactAnswer>;
}

/** Every method throws ApiError and nothing else. */
export function makeApi(host: Host): Api {
  async function ask<Answer>(method: "GET" | "POST", path: string, body?: unknown): Promise<Answer> {
    const answer = await host.authorisedFetch(method, path, body);
    if (answer.status >= 200 && answer.status < 300 && answer.body !== null) return answer.body as Answer;
    throw refusal(answer.status, answer.body);
  }
  return {
    session() {
      const request: SessionRequest = {
        crm: host.crm,
        version: host.version,
        protocol: PROTOCOL,
        language: host.language,
      };
      return ask("POST", Path.session, request);
    },
    status: () => ask("GET", Path.status),
    call: (request) => ask("POST", Path.call, request),
    createContact: (request) => ask("POST", Path.contacts, request),
  };
}

function refusal(status: number, body: unknown): ApiError {
  if (status === 0) return new ApiError("network", "no answer");
  const error = (body as { error?: { code?: unknown; message?: unknown } } | null)?.error;
  if (typeof error?.code === "string") return new ApiError(error.code, String(error.message ?? ""));
  // A proxy answered, or the answer is not JSON: only the status is known.
  return new ApiError(status === 401 ? "auth_failed" : "internal", `HTTP ${status}`);
}
