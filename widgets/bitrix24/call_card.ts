/** Our card in the portal's card of a call (CALL_CARD): one call, and no closing while somebody types. */

import { makeApi } from "../shared/api";
import { el } from "../shared/dom";
import type { Boot } from "../shared/frame/boot";
import { type CrmCall, theCall } from "../shared/frame/card_call";
import type { FrameSession } from "../shared/frame/session";
import type { Say } from "../shared/frame/texts";
import type { CardFrame } from "../shared/host";
import type { CardCall } from "../shared/messages";
import { startWidget, type Widget } from "../shared/widget";
import { makeHost } from "./host";
import type { Portal } from "./portal";

// After the end of a call the card stays for 65 s, and each command prolongs that.
const HELD_AGAIN_MS = 30_000;
// The portal shows its card before its answer to the registration has come to us.
const ASK_MS = [0, 500, 1_000, 2_000, 4_000, 8_000];

export function showCallCard(boot: Boot, session: FrameSession, portal: Portal, say: Say, place: HTMLElement): Widget {
  const wanted: CrmCall = { ours: null, number: boot.call?.number ?? "" };
  const waiting = el("p", { class: "soft empty", role: "status" }, say("call_waiting"));
  const element = el("div", { class: "cards" });
  place.replaceChildren(el("h1", { class: "unseen" }, say("call_title")), waiting, element);

  let again: ReturnType<typeof setInterval> | undefined;
  function hold(held: boolean): void {
    clearInterval(again);
    portal.command(held ? "disableAutoClose" : "enableAutoClose");
    if (held) again = setInterval(() => portal.command("disableAutoClose"), HELD_AGAIN_MS);
  }

  function shown(calls: CardCall[]): CardCall[] {
    const call = theCall(calls, wanted);
    return call ? [call] : [];
  }

  const showing = (count: number) => {
    waiting.hidden = count > 0;
  };
  const frame: CardFrame = { element, keeps: true, saysState: false, shown, showing, held: hold };
  const host = makeHost(boot, session, portal, frame);
  const api = makeApi(host);
  const widget = startWidget(host, { floating: null, list: null });

  async function resolve(id: string): Promise<void> {
    for (const pause of ASK_MS) {
      await new Promise((done) => setTimeout(done, pause));
      const answer = await api.crmCall(id).catch(() => null);
      if (answer?.call) {
        wanted.ours = answer.call;
        return widget.show();
      }
    }
    if (!waiting.hidden) waiting.textContent = say("call_foreign");
  }

  if (boot.call?.id) void resolve(boot.call.id);
  portal.on("CallCard::EntityChanged", (data) => {
    const number = (data as { PHONE_NUMBER?: unknown } | null)?.PHONE_NUMBER;
    if (typeof number !== "string" || number === "unknown" || number === "hidden") return;
    wanted.number = number;
    widget.show();
  });
  // A text that waits for its pause is saved before the card goes.
  portal.on("CallCard::BeforeClose", () => widget.settle());
  return widget;
}
