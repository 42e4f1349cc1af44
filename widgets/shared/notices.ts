/** What the card says above the calls: short notices, which go by themselves. */

import { el, icon } from "./dom";
import type { Texts } from "./texts";

export type NoticeKind = "info" | "error";

const NOTICE_MS = { info: 5_000, error: 9_000 };
const MOST_NOTICES = 3;

export class Notices {
  readonly element = el("div", { class: "notices" });
  private readonly timers = new Set<ReturnType<typeof setTimeout>>();

  constructor(private readonly texts: Texts) {}

  say(kind: NoticeKind, text: string): void {
    const close = el("button", { type: "button", class: "icon", "aria-label": this.texts.say("close") }, icon("close"));
    const role = kind === "error" ? "alert" : "status";
    const notice = el(
      "div",
      { class: `notice ${kind}`, role },
      icon(kind === "error" ? "warning" : "phone"),
      el("span", {}, text),
      close,
    );
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      notice.remove();
    }, NOTICE_MS[kind]);
    this.timers.add(timer);
    close.addEventListener("click", () => notice.remove());
    for (const old of [...this.element.children]) if (old.textContent === notice.textContent) old.remove();
    this.element.append(notice);
    while (this.element.children.length > MOST_NOTICES) this.element.firstElementChild?.remove();
  }

  stop(): void {
    for (const timer of this.timers) clearTimeout(timer);
  }
}
