/**
 * Which of our calls stands in the CRM's own card of a call. Pure.
 *
 * The CRM opens its card before we know its id of the call, so the number counts until the server knows the id.
 */

import type { CardCall } from "../messages";

export interface CrmCall {
  /** Our id, as soon as the server knows which call it is. */
  ours: string | null;
  number: string;
}

const SIGNIFICANT = 10; // the last digits: a CRM may write a country or trunk prefix in another way
const FEWEST = 3;

export function theCall(calls: readonly CardCall[], wanted: CrmCall): CardCall | null {
  if (wanted.ours !== null) return calls.find((call) => call.id === wanted.ours) ?? null;
  const digits = tail(wanted.number);
  const live = calls.filter((call) => call.state !== "ended");
  if (digits.length < FEWEST) return live.length === 1 ? (live[0] ?? null) : null;
  const fits = (call: CardCall) => tail(call.raw_number ?? call.number) === digits;
  return live.find(fits) ?? calls.find(fits) ?? null;
}

function tail(number: string): string {
  return number.replace(/\D/g, "").slice(-SIGNIFICANT);
}
