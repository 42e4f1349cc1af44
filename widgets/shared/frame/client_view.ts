/** The calls of one client, with their recordings, and a button for each number: a page in the client's card. */

import { type Api, ApiError } from "../api";
import { Clicks } from "../click";
import { el, foreign, icon } from "../dom";
import { talkLength } from "../format";
import type { ClientAnswer, ClientCall, EntityRef } from "../messages";
import { zonedMoment } from "../office_time";
import type { Texts } from "../texts";
import type { Say } from "./texts";

export class ClientView {
  readonly element = el("section", { class: "client" });
  private readonly said = el("p", { class: "said", role: "status" });
  private readonly content = el("div", { "aria-live": "polite" });
  private readonly clicks: Clicks;
  private shown = "";

  constructor(
    private readonly api: Pick<Api, "clientCalls" | "call">,
    private readonly client: EntityRef,
    private readonly texts: Texts,
    private readonly say: Say,
  ) {
    this.clicks = new Clicks(api as Api, {
      serverNow: () => null,
      calling: (number) => this.tell(say("dialled", { number }), false),
      refused: (code, message) => this.tell(texts.problem(code, message), true),
    });
    const again = el("button", { type: "button", class: "quiet", onclick: () => void this.refresh() }, say("again"));
    this.element.append(el("header", {}, el("h1", {}, say("client_title")), again), this.said, this.content);
    this.content.append(el("p", { class: "soft" }, say("loading")));
  }

  /** Never rejects. What is playing goes on: an answer that says the same changes nothing. */
  async refresh(): Promise<void> {
    try {
      const answer = await this.api.clientCalls();
      const key = JSON.stringify(answer);
      if (key === this.shown) return;
      this.shown = key;
      this.content.replaceChildren(...this.build(answer));
    } catch (error) {
      const code = error instanceof ApiError ? error.code : "internal";
      this.tell(this.texts.problem(code, error instanceof Error ? error.message : ""), true);
      if (!this.shown) this.content.replaceChildren();
    }
  }

  private tell(words: string, isProblem: boolean): void {
    this.said.className = isProblem ? "said problem" : "said";
    this.said.textContent = words;
  }

  private build({ phones, calls, has_more, zone }: ClientAnswer): HTMLElement[] {
    const say = this.say;
    const buttons = phones.map(({ dial, number }) =>
      el(
        "button",
        {
          type: "button",
          class: "main",
          "aria-label": say("call_number", { number }),
          onclick: () => void this.clicks.dial(dial, this.client),
        },
        icon("phone"),
        foreign(number),
      ),
    );
    const top = phones.length
      ? el("p", { class: "phones" }, ...buttons)
      : el("p", { class: "soft" }, say("client_no_phones"));
    if (!calls.length) return [top, ...(phones.length ? [el("p", { class: "soft" }, say("client_empty"))] : [])];
    const list = el("ol", { class: "calls" }, ...calls.map((call) => this.row(call, zone)));
    return [top, list, ...(has_more ? [el("p", { class: "soft" }, say("client_more", { n: calls.length }))] : [])];
  }

  private row(call: ClientCall, zone: string): HTMLElement {
    const say = this.say;
    const when = zonedMoment(call.at, zone, this.texts.language);
    const isAnswered = call.disposition === "answered";
    const isMissed = call.direction === "inbound" && !isAnswered;
    const outcome = isAnswered ? "answered" : call.disposition === "busy" ? "busy" : isMissed ? "missed" : "unanswered";
    const length = isAnswered ? `, ${talkLength(call.talk_seconds, this.texts)}` : "";
    const facts = [
      el("bdi", {}, call.number),
      ...(call.by ? [el("span", {}, `${say("by")} `, foreign(call.by))] : []),
      ...(call.line_name ? [foreign(call.line_name)] : []),
    ];
    const player = call.record
      ? el("audio", { controls: true, preload: "none", src: call.record, "aria-label": say("record", { when }) })
      : null;
    return el(
      "li",
      { class: isMissed ? "missed" : outcome },
      el(
        "p",
        { class: "what" },
        icon(isMissed ? "missed" : call.direction),
        el("b", {}, say(call.direction)),
        el("span", { class: "outcome" }, `${say(outcome)}${length}`),
        el("time", { datetime: new Date(call.at * 1000).toISOString() }, when),
      ),
      el("p", { class: "facts" }, ...facts),
      player,
    );
  }
}
