/**
 * What a campaign's list says of a client, and what to say to them: before the call and in its card.
 *
 * The remark is about this client, the script is the same for all: they look different, and the script can be folded.
 */

import { el, foreign, icon } from "./dom";
import type { Texts } from "./texts";

/** Scripts that were folded in this page: who knows one by heart folds it once, and another campaign's is open again. */
const known = new Set<string>();

/** `isOpen`: whether the script is unfolded at first. */
export function guide(texts: Texts, comment: string, script: string, isOpen = true): HTMLElement[] {
  // Whole: a script is not cut as names are.
  const whole = (text: string) => el("p", {}, foreign(new Text(text)));
  const parts: HTMLElement[] = [];
  if (comment) parts.push(el("div", { class: "remark" }, el("h2", {}, texts.say("from_list")), whole(comment)));
  if (script) {
    // Before the browser folds or unfolds.
    const onclick = () => void (details.open ? known.add(script) : known.delete(script));
    const title = el("summary", { onclick }, texts.say("script"), icon("chevron"));
    const details = el("details", { class: "script", open: isOpen && !known.has(script) }, title, whole(script));
    parts.push(details);
  }
  return parts;
}
