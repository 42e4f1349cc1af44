/** What the server has written into a framed page: where it stands and for whom. No token is among it. */

import { type EntityRef, PROTOCOL } from "../messages";
import { type Language, languageOf } from "../texts";

export type FramePlace = "install" | "panel" | "call" | "client" | "selection";

export interface Boot {
  crm: string;
  account: string;
  backend: string;
  version: string;
  language: Language;
  place: FramePlace;
  manager: string;
  /** Works once, and soon: `session.ts` exchanges it. */
  ticket: string;
  /** The CRM's address, for links to its pages. */
  crmUrl: string;
  /** The CRM's own call whose card this page stands in. */
  call: { id: string; number: string } | null;
  subject: EntityRef | null;
  /** What the list holds in whose menu the page stands, and the one in whose row. */
  listed: EntityRef["kind"] | null;
  selected: EntityRef | null;
}

const PLACES: readonly string[] = ["install", "panel", "call", "client", "selection"];

/** Throws when the page is not one of ours, or of an older server. */
export function readBoot(text: string): Boot {
  const raw = JSON.parse(text) as Record<string, unknown>;
  const string = (name: string): string => {
    const value = raw[name];
    if (typeof value !== "string") throw new Error(`no ${name} in the page (protocol ${PROTOCOL})`);
    return value;
  };
  const place = string("place");
  if (!PLACES.includes(place)) throw new Error(`no such place: ${place}`);
  const call = raw.call as { id: string; number: string } | null;
  const subject = raw.subject as EntityRef | null;
  const listed = raw.listed as EntityRef["kind"] | null;
  const selected = raw.selected as EntityRef | null;
  return {
    crm: string("crm"),
    account: string("account"),
    backend: string("backend"),
    version: string("version"),
    language: languageOf(string("language")),
    place: place as FramePlace,
    manager: string("manager"),
    ticket: string("ticket"),
    crmUrl: string("crm_url"),
    call: call ?? null,
    subject: subject ?? null,
    listed: listed ?? null,
    selected: selected ?? null,
  };
}
