/**
 * What the card tells of the client, block by block, in the order that the office's settings say: company, responsible,
 * line, next task, deals, last calls, e-mail.
 */

import { el, foreign, icon, link } from "./dom";
import { moment, money, talkLength } from "./format";
import type { CardCall, CardField, Deal, NextTask, PastCall } from "./messages";
import type { TextKey, Texts } from "./texts";

const MOST_DEALS = 5;
const MOST_CALLS = 5;
const MOST_EMAILS = 2;

/** Rows of "label: value"; neighbours share one list, so that their values stand below each other. */
const ROWS: ReadonlySet<CardField> = new Set<CardField>(["company", "responsible", "line", "email"]);

export class CallBlocks {
  readonly element = el("div", { class: "blocks" });
  private layout = "";
  private places: { fields: CardField[]; element: HTMLElement; built: string }[] = [];

  constructor(
    private readonly texts: Texts,
    private readonly currency: string | null,
    private readonly open: (url: string) => void,
  ) {}

  /** A block is built again only if its data changed, so that a link keeps the keyboard's focus. */
  update(call: CardCall, serverNow: number): void {
    const layout = call.fields.join();
    if (layout !== this.layout) {
      this.layout = layout;
      this.places = groups(call.fields).map((fields) => ({ fields, element: el("div", {}), built: "" }));
      this.element.replaceChildren(...this.places.map((place) => place.element));
    }
    for (const place of this.places) {
      const key = JSON.stringify(place.fields.map((field) => data(field, call, serverNow)));
      if (key === place.built) continue;
      place.built = key;
      place.element.replaceChildren(...this.build(place.fields, call, serverNow));
    }
  }

  private build(fields: CardField[], call: CardCall, serverNow: number): Node[] {
    switch (fields[0]) {
      case "next_task":
        return this.task(call.next_task, serverNow);
      case "deals":
        return this.deals(call.person?.deals ?? []);
      case "last_calls":
        return this.history(call.last_calls, serverNow);
      default: {
        const rows = fields.flatMap((field) => this.rows(field, call));
        return rows.length ? [el("dl", { class: "facts" }, ...rows)] : [];
      }
    }
  }

  private rows(field: CardField, call: CardCall): Node[] {
    const { texts } = this;
    const { person, line, line_name } = call;
    const row = (label: TextKey, ...value: (Node | string)[]) => [
      el("dt", {}, texts.say(label)),
      el("dd", {}, ...value),
    ];
    switch (field) {
      case "company":
        return person?.company
          ? row("company", link(person.company.name, person.company.url, "company", this.open))
          : [];
      case "responsible":
        if (!person) return [];
        return row("responsible", person.responsible ? foreign(person.responsible.name) : texts.say("nobody"));
      case "line":
        if (!line && !line_name) return [];
        if (!line || !line_name || line === line_name) return row("line", foreign(line_name ?? line ?? ""));
        return row("line", foreign(line_name), el("span", { class: "soft" }, " · ", foreign(line)));
      case "email":
        return (person?.emails.slice(0, MOST_EMAILS) ?? []).flatMap((address) => row("email", mail(address)));
      default:
        return []; // of a later release
    }
  }

  private task(task: NextTask | null, serverNow: number): Node[] {
    if (!task) return [];
    const { texts } = this;
    const isLate = task.due_at !== null && task.due_at < serverNow;
    const when = task.due_at === null ? null : moment(task.due_at, serverNow, texts);
    const due = when && (isLate ? texts.say("task_late", { when }) : texts.say("task_due", { when }));
    return [
      el("h2", {}, texts.say("next_task")),
      el("div", { class: isLate ? "task late" : "task" }, foreign(task.text), due && el("span", { class: "due" }, due)),
    ];
  }

  private deals(deals: Deal[]): Node[] {
    if (!deals.length) return [];
    const rows = deals.slice(0, MOST_DEALS).map((deal) => {
      const price = deal.price ? el("span", { class: "price" }, money(deal.price, this.currency, this.texts)) : null;
      const stage = deal.stage ? el("span", { class: "stage", title: deal.stage }, foreign(deal.stage)) : null;
      return el("li", {}, link(deal.name, deal.url, "deal", this.open), el("div", { class: "line" }, stage, price));
    });
    return [el("h2", {}, this.texts.say("deals")), el("ul", { class: "deals" }, ...rows)];
  }

  private history(past: PastCall[], serverNow: number): Node[] {
    if (!past.length) return [];
    const { texts } = this;
    const rows = past.slice(0, MOST_CALLS).map((call) => {
      const missed = call.direction === "inbound" && call.disposition !== "answered";
      const answered = call.disposition === "answered" && call.talk_seconds > 0;
      const result = answered
        ? talkLength(call.talk_seconds, texts)
        : texts.say(missed ? "past_missed" : "past_unanswered");
      const direction = texts.say(`past_${call.direction}` as TextKey);
      return el(
        "li",
        { class: missed ? "missed" : null },
        el(
          "span",
          { class: "arrow", title: direction, role: "img", "aria-label": direction },
          icon(missed ? "missed" : call.direction),
        ),
        el("span", { class: "when" }, moment(call.at, serverNow, texts)),
        el("span", { class: "by" }, foreign(call.by ?? "")),
        el("span", { class: "result" }, result),
      );
    });
    return [el("h2", {}, texts.say("last_calls")), el("ul", { class: "history" }, ...rows)];
  }
}

/** The fields in their order, each in a group of its own or with its neighbours of the same list. */
function groups(fields: CardField[]): CardField[][] {
  const found: CardField[][] = [];
  for (const field of new Set(fields)) {
    const last = found.at(-1);
    if (ROWS.has(field) && last?.every((one) => ROWS.has(one))) last.push(field);
    else found.push([field]);
  }
  return found;
}

/** What a block shows. */
function data(field: CardField, call: CardCall, serverNow: number): unknown {
  switch (field) {
    case "company":
      return call.person?.company;
    case "responsible":
      return call.person && [call.person.responsible];
    case "line":
      return [call.line, call.line_name];
    case "next_task":
      return call.next_task && [call.next_task, (call.next_task.due_at ?? Number.POSITIVE_INFINITY) < serverNow];
    case "deals":
      return call.person?.deals;
    case "last_calls":
      return call.last_calls;
    case "email":
      return call.person?.emails;
    default:
      return null;
  }
}

function mail(address: string): HTMLElement {
  // Only a single address may become a link: `mailto:` also accepts headers and a body.
  if (!/^[^\s@<>"?&]+@[^\s@<>"?&]+$/.test(address)) return foreign(address);
  return el("a", { href: `mailto:${address}`, title: address }, foreign(address));
}
