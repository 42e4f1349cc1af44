/**
 * What was ticked in a list ("More" menu): its entities, and the number of the only one, to call it.
 *
 * A contact comes with its phones. A deal does not, so its main contact is requested with the manager's own rights.
 */

import type { EntityRef } from "../shared/messages";
import type { TextKey } from "../shared/texts";

export type Chosen = { number: string; entity: EntityRef } | { problem: TextKey };

type GetJson = (path: string) => Promise<unknown>;

export async function chosenNumber(kind: "contacts" | "leads", selected: AmoSelected[], get: GetJson): Promise<Chosen> {
  const [one] = selected;
  if (!one || selected.length !== 1) return { problem: "error_select_one" };
  const entity = entityOf(kind, one);
  let number = one.phones?.find((phone) => phone.trim());
  if (!number && kind === "leads") {
    try {
      number = await phoneOfDeal(one.id, get);
    } catch {
      return { problem: "error_crm_offline" };
    }
  }
  return number ? { number, entity } : { problem: "error_no_number" };
}

/** Each once, in the list's order. */
export function tickedEntities(kind: "contacts" | "leads", selected: AmoSelected[]): EntityRef[] {
  const found = new Map<string, EntityRef>();
  for (const one of selected) {
    const entity = entityOf(kind, one);
    found.set(`${entity.kind} ${entity.id}`, entity);
  }
  return [...found.values()];
}

function entityOf(kind: "contacts" | "leads", one: AmoSelected): EntityRef {
  return { kind: kind === "leads" ? "deal" : one.type === "company" ? "company" : "contact", id: String(one.id) };
}

interface Contact {
  id: number;
  is_main?: boolean;
  custom_fields_values?: { field_code?: string; values?: { value?: unknown }[] }[] | null;
}

async function phoneOfDeal(id: number, get: GetJson): Promise<string | undefined> {
  const deal = (await get(`/api/v4/leads/${id}?with=contacts`)) as { _embedded?: { contacts?: Contact[] } } | null;
  const contacts = deal?._embedded?.contacts ?? [];
  const main = contacts.find((contact) => contact.is_main) ?? contacts[0];
  if (!main) return undefined;
  const contact = (await get(`/api/v4/contacts/${main.id}`)) as Contact | null;
  const field = contact?.custom_fields_values?.find((candidate) => candidate.field_code === "PHONE");
  const value = field?.values?.[0]?.value;
  return typeof value === "string" ? value : undefined;
}

/** Reads amoCRM's own API from its own page, with the session's rights. Rejects without an answer; 204 is null. */
export async function getFromCrm(path: string): Promise<unknown> {
  const answer = await fetch(path, { headers: { Accept: "application/json" }, signal: AbortSignal.timeout(10_000) });
  if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
  return answer.status === 204 ? null : answer.json();
}
