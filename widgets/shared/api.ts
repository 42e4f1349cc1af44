/** Dozvon's HTTP calls, typed. The host sends them; messages for people are elsewhere. */

import type { Host } from "./host";
import {
  type AbsenceAnswer,
  type AbsenceRequest,
  type AddEntriesAnswer,
  type AddEntriesRequest,
  type CallAnswer,
  type CallbackAnswer,
  type CallbackRequest,
  type CallRequest,
  type CampaignPauseAnswer,
  type CampaignsAnswer,
  type ClientAnswer,
  type CreateContactAnswer,
  type CreateContactRequest,
  type CreateDealAnswer,
  type CreateDealRequest,
  type CrmCallAnswer,
  type EntityRef,
  type KeyAnswer,
  type MakeCampaignAnswer,
  type MakeCampaignRequest,
  type NoteAnswer,
  type NotesAnswer,
  type PagesAnswer,
  Path,
  PROTOCOL,
  type ResultRequest,
  type SaveNoteRequest,
  type SessionAnswer,
  type SessionRequest,
  type SightingsRequest,
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
  createDeal(request: CreateDealRequest): Promise<CreateDealAnswer>;
  readNote(call: string): Promise<NotesAnswer>;
  saveNote(request: SaveNoteRequest): Promise<NoteAnswer>;
  conclude(request: ResultRequest): Promise<NoteAnswer>;
  /** The callback of a missed call, cancelled or brought back by `wantCallback`. */
  readCallback(call: string): Promise<CallbackAnswer>;
  wantCallback(request: CallbackRequest): Promise<CallbackAnswer>;
  reportSightings(request: SightingsRequest): Promise<object>;
  sayAbsence(request: AbsenceRequest): Promise<AbsenceAnswer>;
  /** Whether campaigns call for this manager. */
  campaignPause(): Promise<CampaignPauseAnswer>;
  pauseCampaigns(paused: boolean): Promise<CampaignPauseAnswer>;
  /** Where Dozvon's pages open, for administrators of the CRM. */
  pages(): Promise<PagesAnswer>;
  checkKey(key: string): Promise<KeyAnswer>;
  /** The calls of the contact, company, lead or deal in whose card the page stands. */
  clientCalls(): Promise<ClientAnswer>;
  /** Keeps what the manager says to the clients of their own list. */
  keepScript(script: string): Promise<object>;
  /** Our id of the call that the CRM calls so; null: no call of this person's, or not yet. */
  crmCall(id: string): Promise<CrmCallAnswer>;
  /** For administrators of the CRM, like the next two. */
  campaigns(): Promise<CampaignsAnswer>;
  makeCampaign(request: MakeCampaignRequest): Promise<MakeCampaignAnswer>;
  addEntries(request: AddEntriesRequest): Promise<AddEntriesAnswer>;
  /** Into the manager's own list. */
  addToOwnList(entities: EntityRef[]): Promise<AddEntriesAnswer>;
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
    createDeal: (request) => ask("POST", Path.deals, request),
    readNote: (call) => ask("GET", `${Path.notes}?call=${encodeURIComponent(call)}`),
    saveNote: (request) => ask("POST", Path.notes, request),
    conclude: (request) => ask("POST", Path.results, request),
    readCallback: (call) => ask("GET", `${Path.callback}?call=${encodeURIComponent(call)}`),
    wantCallback: (request) => ask("POST", Path.callback, request),
    reportSightings: (request) => ask("POST", Path.sightings, request),
    sayAbsence: (request) => ask("POST", Path.absence, request),
    campaignPause: () => ask("GET", Path.campaignPause),
    pauseCampaigns: (paused) => ask("POST", Path.campaignPause, { paused }),
    pages: () => ask("POST", Path.pages, { language: host.language }),
    checkKey: (key) => ask("POST", Path.key, { key }),
    keepScript: (script) => ask("POST", Path.ownListScript, { script }),
    clientCalls: () => ask("GET", Path.client),
    crmCall: (id) => ask("GET", `${Path.crmCall}?id=${encodeURIComponent(id)}`),
    campaigns: () => ask("GET", Path.campaigns),
    makeCampaign: (request) => ask("POST", Path.campaigns, request),
    addEntries: (request) => ask("POST", Path.campaignEntries, request),
    addToOwnList: (entities) => ask("POST", Path.ownListEntries, { entities }),
  };
}

function refusal(status: number, body: unknown): ApiError {
  if (status === 0) return new ApiError("network", "no answer");
  const error = (body as { error?: { code?: unknown; message?: unknown } } | null)?.error;
  if (typeof error?.code === "string") return new ApiError(error.code, String(error.message ?? ""));
  // A proxy answered, or the answer is not JSON: only the status is known.
  return new ApiError(status === 401 ? "auth_failed" : "internal", `HTTP ${status}`);
}
