/**
 * What a campaign's list says of a client, and what to say to them: before the call and in its card.
 *
 * The remark is about this client, the script is the same for all: they look different, and the script can be folded.
 */

import { el, foreign, icon } from "./dom";
import type { Texts } from "./texts";

/** `isOpen`: whether the script is unfolded at first. */
export function guide(texts: Texts, comment: string, script: string, isOpen = true): HTMLElement[] {
  // Whole: a script is not cut as names are.
  const whole = (text: string) => el("p", {}, foreign(new Text(text)));
  const parts: HTMLElement[] = [];
  if (comment) parts.push(el("div", { class: "remark" }, el("h2", {}, texts.say("from_list")), whole(comment)));
  if (script) {
    const title = el("summary", {}, texts.say("script"), icon("chevron"));
    parts.push(el("details", { class: "script", open: isOpen }, title, whole(script)));
  }
  return parts;
}
