/** The card's offer of notifications. */

import { el } from "./dom";
import type { Texts } from "./texts";

/** Asks whether notifications are wanted; the browser's own question comes only after a "yes" here. */
export function notificationOffer(texts: Texts, answered: (wanted: boolean) => void): HTMLElement {
  const button = (key: "offer_yes" | "offer_no", kind: string, wanted: boolean) => {
    const onclick = () => {
      offer.hidden = true;
      answered(wanted);
    };
    return el("button", { type: "button", class: `button ${kind}`, onclick }, texts.say(key));
  };
  const buttons = el(
    "div",
    { class: "actions inner" },
    button("offer_yes", "main", true),
    button("offer_no", "", false),
  );
  const offer = el("div", { class: "offer", hidden: true }, el("p", {}, texts.say("offer_notifications")), buttons);
  return offer;
}
