/**
 * Every message between the widget and Dozvon, by direction, with its payload and units.
 *
 * Reactions to messages do not belong here. `../README.md` describes the same contract.
 * Moments are Unix seconds, durations are seconds.
 */

/** Increased whenever an older server could misunderstand this widget, or the other way round. */
export const PROTOCOL = 1;

export const Path = {
  session: "/api/widget/session",
  status: "/api/widget/status",
  call: "/api/widget/call",
  contacts: "/api/widget/contacts",
  socket: "/api/widget/ws",
} as const;

/** Close codes of the WebSocket that are not plain network trouble. */
export const CloseCode = { sessionOver: 4401, refused: 4403, versionMismatch: 4409 } as const;

export const FromServer = {
  snapshot: "snapshot",
  callUpdated: "call_updated",
  callRemoved: "call_removed",
  notice: "notice",
  received: "received",
  pong: "pong",
} as const;

export const FromWidget = { ping: "ping", hangUp: "hang_up", sendExtension: "send_extension" } as const;

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

export interface Deal {
  id: string;
  name: string;
  url: string;
  stage: string | null;
  price: number | null;
}

export interface Person {
  id: string;
  kind: "contact" | "company";
  name: string;
  url: string;
  company: { name: string; url: string } | null;
  responsible: { id: string; name: string } | null;
  emails: string[];
  deals: Deal[];
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
  extension: string | null;
  person: Person | null;
  persons_count: number;
  last_calls: PastCall[];
  /** False: the client is still being looked up, and another message follows. */
  is_looked_up: boolean;
  can_create: boolean;
  disposition: Disposition | null;
  /** Since when it rings at this manager, or for them; null if it does not ring. */
  rings_since: number | null;
  result: Result | null;
  /** Why a click never dialled the client; null if it did, and for every other call. */
  failure: string | null;
  is_own: boolean;
  can_hang_up: boolean;
  /** Who answered instead of this manager, or has the client now. */
  colleague: Colleague | null;
  came: { how: Came; from: Colleague | null } | null;
}

export type ServerMessage =
  | { type: typeof FromServer.snapshot; now: number; calls: CardCall[]; command_seconds: number | null }
  | { type: typeof FromServer.callUpdated; call: CardCall }
  | { type: typeof FromServer.callRemoved; id: string; reason?: string }
  | { type: typeof FromServer.notice; code: string; text: string }
  | { type: typeof FromServer.received; id: string }
  | { type: typeof FromServer.pong; now: number | null };

/** `id`: of this press, for `received`. `at`: the server's clock at the press. */
interface Press {
  call: string;
  id: string;
  at: number;
}

/** `seen`: what the button meant when it was pressed. */
export type Command =
  | (Press & { type: typeof FromWidget.hangUp; seen: "ringing" | "talking" })
  | (Press & { type: typeof FromWidget.sendExtension });

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
  entity: { kind: "contact" | "company"; id: string; name: string; url: string };
  created: boolean;
}

export interface Problem {
  code: string;
  text: string;
  /** The page where an administrator can fix it. */
  url?: string;
}

export interface StatusAnswer {
  manager: { id: string; name: string };
  extension: string | null;
  pbx: "connected" | "offline";
  crm: "connected" | "offline" | "reauth" | "unpaid" | "blocked" | "slowed";
  version: string;
  problems: Problem[];
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
    person: person && { ...person, emails: listOf(person.emails), deals: listOf(person.deals) },
    last_calls: listOf(call.last_calls),
  };
}

function colleague(value: unknown): Colleague | null {
  if (!isFields(value)) return null;
  return { extension: String(value.extension ?? ""), name: String(value.name ?? "") };
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
      return { type: message.type, now: message.now, calls, command_seconds };
    }
    case FromServer.callUpdated: {
      const call = readCall(message.call);
      return call && { type: message.type, call };
    }
    case FromServer.callRemoved:
      return typeof message.id === "string" ? { type: message.type, id: message.id } : null;
    case FromServer.notice:
      return { type: message.type, code: String(message.code ?? ""), text: String(message.text ?? "") };
    case FromServer.received:
      return typeof message.id === "string" ? { type: message.type, id: message.id } : null;
    case FromServer.pong:
      return { type: message.type, now: typeof message.now === "number" ? message.now : null };
    default:
      return null;
  }
}
