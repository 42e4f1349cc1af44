/** How long the card of an ended call stays, in seconds: longer if the manager can still do something about it. */

import type { CardCall } from "./messages";

const KEEP_ENDED = 12;
const KEEP_UNKNOWN = 60; // a contact can be created from it
const KEEP_MISSED = 60;
const KEEP_FAILED = 20; // a click that never dialled the client: time to read the reason
const KEEP_ELSEWHERE = 8; // a colleague has it
const ELSEWHERE = new Set(["answered_elsewhere", "declined", "passed_on", "transferred", "consulted", "gone"]);

export function keepSeconds(call: CardCall): number {
  const result = call.result ?? call.disposition;
  if (result !== null && ELSEWHERE.has(result)) return KEEP_ELSEWHERE;
  if (call.failure) return KEEP_FAILED;
  if (result === "missed") return KEEP_MISSED;
  return call.can_create && !call.person ? KEEP_UNKNOWN : KEEP_ENDED;
}
