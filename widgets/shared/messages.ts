/**
 * Every message between the widget and Dozvon, by direction, with its payload and units.
 *
 * Reactions to messages do not belong here. `../README.md` describes the same contract.
 * Moments are Unix seconds, durations are seconds.
 */

import type { Language } from "./texts";

/** Increased whenever an older server could misunderstand this widget, or the other way round. */
export const PROTOCOL = 1;

export const Path = {
  session: "/api/widget/session",
  status: "/api/widget/status",
  call: "/api/widget/call",
  contacts: "/api/widget/contacts",
  deals: "/api/widget/deals",
  notes: "/api/widget/notes",
  callback: "/api/widget/callback",
  results: "/api/widget/results",
  sightings: "/api/widget/sightings",
  absence: "/api/widget/absence",
  campaignPause: "/api/widget/campaign-pause",
  pages: "/api/widget/pages",
  key: "/api/widget/key",
  frame: "/api/widget/frame",
  client: "/api/widget/client",
  crmCall: "/api/widget/crm-call",
  campaigns: "/api/widget/campaigns",
  campaignEntries: "/api/widget/campaigns/entries",
  ownListEntries: "/api/widget/own-list/entries",
  ownListScript: "/api/widget/own-list/script",
  socket: "/api/widget/ws",
} as const;

/** Close codes of the WebSocket that are not plain network trouble. */
export const CloseCode = { sessionOver: 4401, refused: 4403, versionMismatch: 4409 } as const;

export const FromServer = {
  snapshot: "snapshot",
  callUpdated: "call_updated",
  callRemoved: "call_removed",
  notice: "notice",
  noteChanged: "note_changed",
  ownList: "own_list",
  offer: "offer",
  received: "received",
  pong: "pong",
} as const;

export const FromWidget = {
  ping: "ping",
  hangUp: "hang_up",
  sendExtension: "send_extension",
  choosePerson: "choose_person",
  ownList: "own_list",
  ownListRead: "own_list_read",
  offer: "offer",
} as const;

export type Direction = "inbound" | "outbound" | "internal";
export type CallState = "ringing" | "talking" | "ended";
export type Disposition = "answered" | "missed" | "busy" | "failed" | "cancelled" | "noanswer";
/** The result of a call at this manager's phone; `gone`: the server removed the card without a reason. */
export type Result =
  | Disposition
  | "answered_elsewhere"
  | "declined"
  | "passed_on"
  | "transferred"
  | "consulted"
  | "gone";
/** How a call came here from a colleague; `return`: this manager handed it over, and that colleague did not take it. */
export type Came = "transfer" | "consultation" | "forward" | "pickup" | "parking" | "return";

/** A block of the card, as the office's settings order them. */
export type CardField = "company" | "responsible" | "line" | "next_task" | "deals" | "last_calls" | "email";
export const CARD_FIELDS: readonly CardField[] = [
  "company",
  "responsible",
  "line",
  "next_task",
  "deals",
  "last_calls",
  "email",
];

export interface Deal {
  id: string;
  name: string;
  url: string;
  stage: string | null;
  price: number | null;
}

/** A lead is a person in a CRM whose enquiries have numbers of their own. */
export type PersonKind = "contact" | "company" | "lead";

export interface Person {
  id: string;
  kind: PersonKind;
  name: string;
  url: string;
  company: { name: string; url: string } | null;
  responsible: { id: string; name: string } | null;
  emails: string[];
  deals: Deal[];
}

/** One of several who have the caller's number. */
export interface Candidate {
  id: string;
  kind: PersonKind;
  name: string;
  company: string | null;
  responsible: string | null;
}

/** The client's next open task in the CRM. `due_at`: null when it has none. */
export interface NextTask {
  text: string;
  due_at: number | null;
}

export interface PastCall {
  at: number;
  direction: Direction;
  disposition: Disposition;
  talk_seconds: number;
  by: string | null;
}

export interface Colleague {
  extension: string;
  name: string;
}

/** One call as this manager's card shows it; always the whole state. `number` is for people, `raw_number` is E.164. */
export interface CardCall {
  id: string;
  direction: Direction;
  state: CallState;
  number: string;
  raw_number: string | null;
  /** Digits to dial in the client's voice menu, from a phone field. */
  client_extension: string | null;
  started_at: number;
  answered_at: number | null;
  ended_at: number | null;
  line: string | null;
  /** The line's name from the settings; null if it has none. */
  line_name: string | null;
  extension: string | null;
  person: Person | null;
  persons_count: number;
  /** The likeliest of them first, at most ten; empty if fewer than two. */
  persons: Candidate[];
  /** Whom a campaign's list has, for a client whose name the CRM does not know. Missing: an older server. */
  listed?: { name: string; campaign: string } | null;
  /** The campaign that dialled the call, what its list says of the client, and what to say. Missing: an older server. */
  campaign?: { name: string; comment: string; script: string } | null;
  /** The employee who said which of them calls. */
  chosen_by: Colleague | null;
  next_task: NextTask | null;
  /** What the card shows, in this order. */
  fields: CardField[];
  last_calls: PastCall[];
  /** False: the client is still being looked up, and another message follows. */
  is_looked_up: boolean;
  can_create: boolean;
  /** What the card makes of an unknown number. */
  create_kind: "contact" | "lead";
  can_create_deal: boolean;
  disposition: Disposition | null;
  /** Since when it rings at this manager, or for them; null if it does not ring. */
  rings_since: number | null;
  result: Result | null;
  /** Why a click never dialled the client; null if it did, and for every other call. */
  failure: string | null;
  is_own: boolean;
  can_hang_up: boolean;
  /** Since when the client is on hold; null if they are not. */
  held_since: number | null;
  /** Who answered instead of this manager, or has the client now. */
  colleague: Colleague | null;
  came: { how: Came; from: Colleague | null } | null;
}

export type ServerMessage =
  | {
      type: typeof FromServer.snapshot;
      now: number;
      calls: CardCall[];
      command_seconds: number | null;
      own_list?: OwnListMessage | null; // an older server has none
      offer?: OfferMessage | null; // an older server has none
    }
  | { type: typeof FromServer.callUpdated; call: CardCall }
  | { type: typeof FromServer.callRemoved; id: string; reason?: string }
  | { type: typeof FromServer.notice; code: string; text: string }
  | { type: typeof FromServer.noteChanged; call: string; note: CallNote }
  | OwnListMessage
  | OfferMessage
  | { type: typeof FromServer.received; id: string }
  | { type: typeof FromServer.pong; now: number | null };

export type OfferAction = "call" | "skip" | "ready";

/** A client of a preview campaign, whom this manager is shown. `until`: Unix seconds; then somebody else is. */
export interface OfferedClient {
  campaign: string;
  campaign_name: string;
  entry: number;
  name: string;
  number: string;
  comment: string;
  /** The campaign's. */
  script: string;
  url: string | null;
  until: number;
}

/**
 * `missed`: the campaign that shows this manager nobody, because they decided nothing about the last client. `paused`
 * false: they have not paused campaigns, or not any more.
 */
export interface OfferMessage {
  type: typeof FromServer.offer;
  offer: OfferedClient | null;
  missed: string | null;
  paused: boolean;
}

export type OwnListAction =
  | "start"
  | "stop"
  | "hold"
  | "resume"
  | "call_now"
  | "skip"
  | "put_next"
  | "remove"
  | "clear";

/** A client in the manager's own list. `struck`: why a number is not dialled any more, a code. */
export interface ListedClient {
  key: number;
  name: string;
  comment: string;
  state: "waiting" | "taken" | "reached" | "not_reached" | "skipped" | "unclear";
  /** The newest call with them. */
  call: string | null;
  url: string | null;
  comment_url: string | null;
  numbers: { number: string; struck: string | null }[];
}

/**
 * The manager's own list (`../README.md`). `base`: the revision that this is a difference to; null: it is whole. `order`:
 * the keys of all clients, null: as before. `script` null: as before.
 */
export interface OwnListMessage {
  type: typeof FromServer.ownList;
  revision: number;
  base: number | null;
  phase: "idle" | "waiting" | "held" | "calling" | "talking";
  due_at: number | null;
  left_seconds: number | null;
  current: number | null;
  number: string | null;
  leaving: "stop" | "skip" | "remove" | "clear" | null;
  why: string;
  clients: ListedClient[];
  order: number[] | null;
  script: string | null;
}

/** As much of a call as its note needs to know. */
export type NotedCall = Pick<CardCall, "id" | "state" | "direction" | "is_own" | "answered_at" | "failure">;

/** What a press on the card asks for. `seen`: what the button meant when it was pressed. */
export type Order =
  | { type: typeof FromWidget.hangUp; call: string; seen: "ringing" | "talking" }
  | { type: typeof FromWidget.sendExtension; call: string }
  | { type: typeof FromWidget.choosePerson; call: string; person: Pick<Candidate, "kind" | "id"> }
  | { type: typeof FromWidget.ownList; action: OwnListAction; client: number | null }
  | { type: typeof FromWidget.ownListRead }
  | { type: typeof FromWidget.offer; action: OfferAction; campaign: string; entry: number | null; language: Language };

/** `id`: of this press, for `received`. `at`: the server's clock at the press. */
export type Command = Order & { id: string; at: number };

export type WidgetMessage = { type: typeof FromWidget.ping } | Command;

export interface EntityRef {
  kind: "contact" | "company" | "deal" | "lead";
  id: string;
}

export interface SessionRequest {
  crm: string;
  version: string;
  protocol: number;
  language: string;
}

/** `expires_in`: seconds until the ticket expires. */
export interface SessionAnswer {
  ticket: string;
  expires_in: number;
  version: string;
}

/** `request`: a UUID of this click; the same one again dials nothing. `at`: the server's clock, null when unknown. */
export interface CallRequest {
  number: string;
  entity: EntityRef | null;
  request: string;
  at: number | null;
}

export interface CallAnswer {
  call: string;
}

export interface CreateContactRequest {
  number: string;
  name: string;
  call: string;
}

export interface CreateContactAnswer {
  entity: { kind: PersonKind; id: string; name: string; url: string };
  created: boolean;
}

/** `request`: a UUID of this form; the same one again makes no second deal. */
export interface CreateDealRequest {
  call: string;
  name: string;
  request: string;
}

export interface CreateDealAnswer {
  deal: { id: string; name: string; url: string };
}

/** What this manager wrote about a call. `revision`: raised by each change; 0: nothing was written. */
export interface CallNote {
  revision: number;
  text: string;
  result: string | null;
  next_step: { text: string; due_at: number } | null;
  /** When the result was given; null: it was not. */
  result_at: number | null;
}

export interface NoteAnswer {
  note: CallNote;
}

/** The callback that a missed call asks for; null: none. `at`: the next call, if one is planned. `tries` of `most`. */
export interface CallbackAnswer {
  callback: {
    state: "open" | "taken" | "reached" | "not_reached" | "do_not_call" | "removed";
    at: number | null;
    tries: number;
    most: number;
  } | null;
}

/** `wanted` false cancels the callback, true undoes that. */
export interface CallbackRequest {
  call: string;
  wanted: boolean;
}

/** `results`: what the office offers. `zone`: the office's time zone, an IANA name. `can_plan`: the CRM has tasks. */
export interface NotesAnswer extends NoteAnswer {
  results: string[];
  zone: string;
  can_plan: boolean;
}

/** `revision`: of the note that was changed. */
export interface SaveNoteRequest {
  call: string;
  text: string;
  revision: number;
}

/** `request`: of this press; the same one again changes nothing. `due`: `2026-11-30T10:00` by the office's clock. */
export interface ResultRequest extends SaveNoteRequest {
  request: string;
  result: string | null;
  next_step: { text: string; due: string } | null;
}

export interface SightingsRequest {
  other_telephony: string[];
}

export interface Problem {
  code: string;
  text: string;
  /** The page where an administrator can fix it. */
  url?: string;
}

/** Who said that the manager is away, and when it ends by itself; null: until somebody says so. */
export interface Absence {
  by: "manager" | "administrator";
  until: number | null;
}

/** `seconds` null: until further notice. */
export type AbsenceRequest = { away: true; seconds: number | null } | { away: false };

/** `own`: the manager's own word, which they may take back. `since`: Unix seconds. */
export interface CampaignPause {
  by: string;
  since: number;
  own: boolean;
}

/** `at_work`: a campaign that is dialled now has this manager among its employees. */
export interface CampaignPauseAnswer {
  pause: CampaignPause | null;
  at_work: boolean;
}

export interface AbsenceAnswer {
  absence: Absence | null;
}

export interface CrmCallAnswer {
  call: string | null;
}

/** One of the client's calls, for a page in the client's card. */
export interface ClientCall {
  id: string;
  at: number;
  direction: Direction;
  disposition: Disposition;
  talk_seconds: number;
  /** As people write it; masked where the manager may not see it. */
  number: string;
  /** The employee who had the client; null: nobody. */
  by: string | null;
  line_name: string | null;
  /** Where a browser plays the recording; null: there is none. */
  record: string | null;
}

export interface ClientAnswer {
  /** What a click on it dials, and how people write it. */
  phones: { dial: string; number: string }[];
  /** The newest first. */
  calls: ClientCall[];
  /** There are older ones. */
  has_more: boolean;
  /** The office's time zone. */
  zone: string;
}

export interface StatusAnswer {
  manager: { id: string; name: string };
  extension: string | null;
  pbx: "connected" | "offline";
  crm: "connected" | "offline" | "reauth" | "unpaid" | "blocked" | "slowed";
  version: string;
  /** Missing: the server is of an earlier release. */
  absence?: Absence | null;
  problems: Problem[];
  is_admin?: boolean; // of the CRM account; an older server does not say it
}

/** The address at which Dozvon's pages open, once and within a minute. */
export interface PagesAnswer {
  url: string;
}

export interface KeyAnswer {
  key: string; // its name
  office: string | null; // null: all offices
  finding: "connected" | "no_crm" | "no_consent" | "not_recognised";
  url: string | null; // where it is mended
}

type Fields = Record<string, unknown>;

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Fills in what an older server may not send yet; null when it is no call at all. */
function readCall(value: unknown): CardCall | null {
  if (!isFields(value) || typeof value.id !== "string") return null;
  if (value.state !== "ringing" && value.state !== "talking" && value.state !== "ended") return null;
  const call = value as unknown as CardCall;
  const person = isFields(call.person) ? call.person : null;
  const came = isFields(call.came) ? call.came : null;
  return {
    ...call,
    rings_since: call.rings_since ?? null,
    result: call.result ?? null,
    failure: call.failure ?? null,
    is_looked_up: call.is_looked_up ?? true,
    is_own: call.is_own ?? call.direction === "outbound",
    can_hang_up: call.can_hang_up ?? call.state !== "ended",
    colleague: colleague(call.colleague),
    came: came && { ...came, from: colleague(came.from) },
    number: typeof call.number === "string" ? call.number : "",
    client_extension: typeof call.client_extension === "string" ? call.client_extension : null,
    line_name: typeof call.line_name === "string" ? call.line_name : null,
    held_since: call.held_since ?? null,
    persons: listOf(call.persons),
    chosen_by: colleague(call.chosen_by),
    next_task: isFields(call.next_task) ? call.next_task : null,
    fields: Array.isArray(call.fields) ? call.fields : [...CARD_FIELDS],
    create_kind: call.create_kind ?? "contact",
    can_create_deal: call.can_create_deal ?? false,
    person: person && { ...person, emails: listOf(person.emails), deals: listOf(person.deals) },
    last_calls: listOf(call.last_calls),
  };
}

function colleague(value: unknown): Colleague | null {
  if (!isFields(value)) return null;
  return { extension: String(value.extension ?? ""), name: String(value.name ?? "") };
}

function readNote(value: unknown): CallNote | null {
  if (!isFields(value) || typeof value.revision !== "number" || typeof value.text !== "string") return null;
  const note = value as unknown as CallNote;
  return { ...note, result: note.result ?? null, next_step: note.next_step ?? null, result_at: note.result_at ?? null };
}

const PHASES = ["idle", "waiting", "held", "calling", "talking"];

function readOwnList(message: Fields): OwnListMessage | null {
  if (typeof message.revision !== "number" || !Array.isArray(message.clients)) return null;
  if (typeof message.phase !== "string" || !PHASES.includes(message.phase)) return null;
  const list = message as unknown as OwnListMessage;
  const clients = listOf(list.clients).filter((client) => isFields(client) && typeof client.key === "number");
  return {
    type: FromServer.ownList,
    revision: list.revision,
    base: list.base ?? null,
    phase: list.phase,
    due_at: list.due_at ?? null,
    left_seconds: list.left_seconds ?? null,
    current: list.current ?? null,
    number: list.number ?? null,
    leaving: list.leaving ?? null,
    why: typeof list.why === "string" ? list.why : "",
    clients: clients.map((client) => ({
      ...client,
      name: String(client.name ?? ""),
      comment: String(client.comment ?? ""),
      numbers: listOf(client.numbers),
    })),
    order: Array.isArray(list.order) ? list.order : null,
    script: typeof list.script === "string" ? list.script : null,
  };
}

/** Null: no message of this kind. A client of whom something is missing is nobody. */
function readOffer(message: Fields): OfferMessage | null {
  const offer = isFields(message.offer) ? (message.offer as unknown as OfferedClient) : null;
  const isWhole =
    typeof offer?.campaign === "string" && typeof offer.entry === "number" && typeof offer.until === "number";
  return {
    type: FromServer.offer,
    offer:
      offer && isWhole
        ? {
            ...offer,
            campaign_name: String(offer.campaign_name ?? ""),
            name: String(offer.name ?? ""),
            number: String(offer.number ?? ""),
            comment: String(offer.comment ?? ""),
            script: String(offer.script ?? ""),
            url: typeof offer.url === "string" ? offer.url : null,
          }
        : null,
    missed: typeof message.missed === "string" ? message.missed : null,
    paused: message.paused !== false,
  };
}

function listOf<Item>(value: Item[] | undefined): Item[] {
  return Array.isArray(value) ? value : [];
}

/** Reads one frame of the server. Null for what this widget does not know; never throws. */
export function readServerMessage(frame: unknown): ServerMessage | null {
  let message: unknown;
  try {
    message = JSON.parse(String(frame));
  } catch {
    return null;
  }
  if (!isFields(message)) return null;
  switch (message.type) {
    case FromServer.snapshot: {
      if (typeof message.now !== "number" || !Array.isArray(message.calls)) return null;
      const calls = message.calls.map(readCall).filter((call): call is CardCall => call !== null);
      const command_seconds = typeof message.command_seconds === "number" ? message.command_seconds : null;
      const own_list = isFields(message.own_list) ? readOwnList(message.own_list) : null;
      const offer = isFields(message.offer) ? readOffer(message.offer) : null;
      return { type: message.type, now: message.now, calls, command_seconds, own_list, offer };
    }
    case FromServer.callUpdated: {
      const call = readCall(message.call);
      return call && { type: message.type, call };
    }
    case FromServer.callRemoved:
      return typeof message.id === "string" ? { type: message.type, id: message.id } : null;
    case FromServer.notice:
      return { type: message.type, code: String(message.code ?? ""), text: String(message.text ?? "") };
    case FromServer.noteChanged: {
      const note = readNote(message.note);
      return note && typeof message.call === "string" ? { type: message.type, call: message.call, note } : null;
    }
    case FromServer.ownList:
      return readOwnList(message);
    case FromServer.offer:
      return readOffer(message);
    case FromServer.received:
      return typeof message.id === "string" ? { type: message.type, id: message.id } : null;
    case FromServer.pong:
      return { type: message.type, now: typeof message.now === "number" ? message.now : null };
    default:
      return null;
  }
}

export interface CampaignChoice {
  id: string;
  name: string;
  state: "draft" | "running" | "paused" | "stopped" | "finished";
}

export interface CampaignsAnswer {
  campaigns: CampaignChoice[]; // the newest first
}

/** A campaign with the usual rules. `request`: a UUID of this press. */
export interface MakeCampaignRequest {
  name: string;
  request: string;
}

export interface MakeCampaignAnswer {
  campaign: CampaignChoice;
}

/** What is selected in a list of the CRM, for a campaign; at most 500 at a time. */
export interface AddEntriesRequest {
  campaign: string;
  entities: EntityRef[];
}

/** Why something selected is not in the list. */
export type LeftOut = "no_number" | "nobody" | "not_found" | "twice" | "do_not_call" | "full";

export interface AddEntriesAnswer {
  added: number;
  joined?: number; // contacts that were added to an entry with their number; an own list joins nobody
  left_out: Partial<Record<LeftOut, number>>;
}
