/**
 * One call in the card: who it is, what they are buying, when they last called.
 *
 * `card.ts` has the stack of calls, minimising, toasts and timers. A section is built again only if its data changed,
 * so that a link keeps the keyboard's focus and a half-typed name survives an update.
 */

import { ApiError } from "./api";
import { el, foreign, type Icon, icon, link } from "./dom";
import { clock, initials, moment, money, plain, talkLength } from "./format";
import type { CardCall, CreateContactAnswer, Deal, PastCall, Person } from "./messages";
import type { TextKey, Texts } from "./texts";

export interface CallActions {
  open(url: string): void;
  /** Both resolve when the button may be pressed again. */
  hangUp(call: CardCall): Promise<void>;
  sendExtension(call: CardCall): Promise<void>;
  dismiss(call: CardCall): void;
  minimise(): void;
  expand(call: CardCall): void;
  /** Rejects with ApiError. */
  createContact(call: CardCall, name: string): Promise<CreateContactAnswer>;
}

/** A sentence, and the foreign name in it. */
interface Worded {
  key: TextKey;
  name?: string;
}

export class CallView {
  readonly element: HTMLElement;
  private call: CardCall;
  private readonly built = new Map<HTMLElement, string>();
  private readonly timer = el("span", { class: "timer" });
  private readonly top = el("div", { class: "top" });
  private readonly who = el("div", { class: "who" });
  private readonly came = el("div", {});
  private readonly facts = el("div", {});
  private readonly deals = el("div", {});
  private readonly history = el("div", {});
  private readonly create: CreateContact;
  private readonly buttons = el("div", { class: "actions" });

  constructor(
    call: CardCall,
    private readonly texts: Texts,
    private readonly currency: string | null,
    private readonly actions: CallActions,
  ) {
    this.call = call;
    this.create = new CreateContact(texts, actions, () => this.call);
    const body = el("div", { class: "body" }, this.facts, this.deals, this.history, this.create.element);
    this.element = el("article", {}, this.top, this.came, this.who, body, this.buttons);
  }

  /** Whether a person is typing in the create form. */
  get isBusy(): boolean {
    return this.create.isOpen;
  }

  /** The person closed the card, form and all. */
  giveUp(): void {
    this.create.close();
  }

  update(call: CardCall, serverNow: number, folded: boolean): void {
    this.call = call;
    const { person } = call;
    this.element.className = `call ${call.state} ${call.direction} ${outcome(call)}${folded ? " folded" : ""}`;
    this.element.setAttribute("aria-label", `${plain(this.heading())}: ${plain(this.title())}`);
    this.section(this.top, [call.state, this.heading(), call.direction, folded], () => this.buildTop(folded));
    this.section(this.came, [call.came], () => this.buildCame());
    this.section(this.who, [person, call.number, call.client_extension, call.is_looked_up], () => this.buildWho());
    this.section(this.facts, [person, call.line, call.persons_count, call.extension], () => this.buildFacts(person));
    this.section(this.deals, [person?.deals], () => this.buildDeals(person?.deals ?? []));
    this.section(this.history, [call.last_calls], () => this.buildHistory(call.last_calls, serverNow));
    const button = endButton(call);
    this.section(this.buttons, [call.state, button, person, call.client_extension], () =>
      this.buildButtons(person, button),
    );
    this.create.update(call.can_create && person === null && call.raw_number !== null);
    this.tick(serverNow);
  }

  tick(serverNow: number): void {
    this.timer.textContent = this.time(serverNow);
  }

  /** Who it is, in one line of plain text. */
  title(): string {
    const { person, number } = this.call;
    return person?.name || number || this.texts.say("hidden_number");
  }

  heading(): string {
    return this.words(this.headingKey());
  }

  /** The announcement of a new state for screen readers. */
  announcement(): string {
    const came = this.call.state === "ringing" ? this.cameKey() : null;
    return [this.heading(), ...(came ? [this.words(came)] : []), this.title()].map(plain).join(": ");
  }

  private headingKey(): Worded {
    const { state, direction, is_own, result, disposition, failure, colleague } = this.call;
    if (state === "talking") return { key: "talking" };
    if (state === "ended") {
      const why = `failure_${failure}`;
      if (this.texts.has(why)) return { key: why };
      const key = `ended_${result ?? disposition ?? "answered"}`;
      const by = `${key}_by`;
      if (colleague && this.texts.has(by)) return { key: by, name: colleague.name };
      return { key: this.texts.has(key) ? key : "ended_gone" };
    }
    // For the manager who gets it, a colleague's outgoing call that is handed over is incoming.
    const way = direction === "outbound" && !is_own ? "inbound" : direction;
    const byDirection = { inbound: "incoming", outbound: "outgoing", internal: "internal" } as const;
    return { key: byDirection[way] ?? "incoming" };
  }

  private cameKey(): Worded | null {
    const { came } = this.call;
    if (!came) return null;
    const [key, from] = [`came_${came.how}`, `came_${came.how}_from`];
    if (came.from && this.texts.has(from)) return { key: from, name: came.from.name };
    return this.texts.has(key) ? { key } : null;
  }

  private words({ key, name }: Worded): string {
    return this.texts.say(key, { name: name ?? "" });
  }

  /** The same with the name isolated, so that its direction marks have no effect outside. */
  private nodes({ key, name }: Worded): (Node | string)[] {
    if (name === undefined) return [this.texts.say(key)];
    const [before = "", after = ""] = this.texts.say(key, { name: "\u0000" }).split("\u0000");
    return [before, foreign(name), after];
  }

  private time(serverNow: number): string {
    const { state, started_at, rings_since, answered_at, ended_at } = this.call;
    if (state === "ringing") return clock(serverNow - (rings_since ?? started_at));
    if (state === "talking") return clock(serverNow - (answered_at ?? started_at));
    return answered_at !== null && ended_at !== null ? clock(ended_at - answered_at) : "";
  }

  private section(place: HTMLElement, data: unknown[], build: () => Node[]): void {
    const key = JSON.stringify(data);
    if (this.built.get(place) === key) return;
    this.built.set(place, key);
    place.replaceChildren(...build());
  }

  private buildTop(folded: boolean): Node[] {
    const { texts, actions } = this;
    const button = (name: Icon, label: TextKey, onclick: () => void) =>
      el(
        "button",
        { type: "button", class: "icon", "aria-label": texts.say(label), title: texts.say(label), onclick },
        icon(name),
      );
    return [
      el("span", { class: "badge" }, icon(topIcon(this.call))),
      el("span", { class: "state" }, ...this.nodes(this.headingKey())),
      this.timer,
      folded
        ? button("chevron", "details", () => actions.expand(this.call))
        : button("minimise", "minimise", () => actions.minimise()),
      button("close", "close", () => actions.dismiss(this.call)),
    ];
  }

  private buildCame(): Node[] {
    const came = this.cameKey();
    return came ? [el("p", { class: "came" }, icon("handed_over"), el("span", {}, ...this.nodes(came)))] : [];
  }

  private buildWho(): Node[] {
    const { person, number, client_extension } = this.call;
    const extension = client_extension ? ` ${this.texts.say("client_extension", { number: client_extension })}` : "";
    const shownNumber = `${number || this.texts.say("hidden_number")}${extension}`;
    const letters = person ? initials(person.name) : "";
    const avatar = el("div", { class: "avatar", "aria-hidden": "true" }, letters || icon("phone"));
    if (!person) {
      const key = this.call.is_looked_up ? "unknown_number" : "looking_up";
      const unknown = el("div", { class: "sub" }, number ? this.texts.say(key) : "");
      return [avatar, el("div", { class: "names" }, el("div", { class: "name" }, foreign(shownNumber)), unknown)];
    }
    const name = link(person.name || shownNumber, person.url, "name", this.actions.open);
    const company = person.company && link(person.company.name, person.company.url, "company", this.actions.open);
    const sub = el("div", { class: "sub" }, el("span", { class: "number" }, foreign(shownNumber)));
    return [avatar, el("div", { class: "names" }, name, company, sub)];
  }

  private buildFacts(person: Person | null): Node[] {
    const { texts, call } = this;
    const rows: Node[] = [];
    const row = (label: TextKey, ...value: (Node | string)[]) =>
      rows.push(el("dt", {}, texts.say(label)), el("dd", {}, ...value));
    if (person) row("responsible", person.responsible ? foreign(person.responsible.name) : texts.say("nobody"));
    for (const email of person?.emails.slice(0, 2) ?? []) row("email", mail(email));
    if (call.line) row("line", foreign(call.line));
    const others = call.persons_count - 1;
    const note = person && others > 0 && el("p", { class: "note" }, texts.say("more_people", { n: others }));
    return [...(rows.length ? [el("dl", { class: "facts" }, ...rows)] : []), ...(note ? [note] : [])];
  }

  private buildDeals(deals: Deal[]): Node[] {
    if (!deals.length) return [];
    const rows = deals.slice(0, 5).map((deal) => {
      const price = deal.price ? el("span", { class: "price" }, money(deal.price, this.currency, this.texts)) : null;
      const stage = deal.stage ? el("span", { class: "stage", title: deal.stage }, foreign(deal.stage)) : null;
      return el(
        "li",
        {},
        link(deal.name, deal.url, "deal", this.actions.open),
        el("div", { class: "line" }, stage, price),
      );
    });
    return [el("h3", {}, this.texts.say("deals")), el("ul", { class: "deals" }, ...rows)];
  }

  private buildHistory(past: PastCall[], serverNow: number): Node[] {
    if (!past.length) return [];
    const { texts } = this;
    const rows = past.slice(0, 5).map((call) => {
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
    return [el("h3", {}, texts.say("last_calls")), el("ul", { class: "history" }, ...rows)];
  }

  private buildButtons(person: Person | null, end: TextKey | null): Node[] {
    const { texts, actions } = this;
    const buttons: Node[] = [];
    if (person) {
      const opens = link(
        texts.say(person.kind === "company" ? "open_company" : "open_contact"),
        person.url,
        "button main",
        actions.open,
      );
      if (opens instanceof HTMLAnchorElement) buttons.push(opens);
    }
    if (this.call.state === "talking" && this.call.client_extension) {
      const label = texts.say("send_extension", { number: this.call.client_extension });
      buttons.push(commandButton("button", () => actions.sendExtension(this.call), label));
    }
    if (end) {
      const press = () => actions.hangUp(this.call);
      buttons.push(commandButton("button danger", press, icon("hang_up"), texts.say(end)));
    }
    return buttons;
  }
}

/** "Create contact" of an unknown number: a button, then a form with one field, then the result. */
class CreateContact {
  readonly element = el("div", { class: "create" });
  isOpen = false;
  private offered = false;
  private finished = false;

  constructor(
    private readonly texts: Texts,
    private readonly actions: CallActions,
    private readonly call: () => CardCall,
  ) {}

  update(offered: boolean): void {
    if (offered === this.offered || this.finished) return;
    this.offered = offered;
    if (!this.isOpen) this.showButton();
  }

  close(): void {
    if (this.isOpen) this.showButton();
  }

  private showButton(): void {
    this.isOpen = false;
    const onclick = () => this.showForm();
    const button = el(
      "button",
      { type: "button", class: "button main wide", onclick },
      icon("plus"),
      this.texts.say("create_contact"),
    );
    this.element.replaceChildren(...(this.offered ? [button] : []));
  }

  private showForm(): void {
    const { texts } = this;
    this.isOpen = true;
    const input = el("input", {
      type: "text",
      name: "name",
      maxlength: "200",
      autocomplete: "off",
      placeholder: texts.say("contact_name"),
      "aria-label": texts.say("contact_name"),
    });
    const save = el("button", { type: "submit", class: "button main" }, texts.say("save"));
    const cancel = el(
      "button",
      { type: "button", class: "button", onclick: () => this.showButton() },
      texts.say("cancel"),
    );
    const answer = el("p", { class: "answer", role: "alert" });
    const onsubmit = (event: Event) => {
      event.preventDefault();
      void this.submit(input, save, answer);
    };
    // The CRM has hot keys, so keys typed here must not reach it.
    const quiet = (event: Event) => event.stopPropagation();
    const onkeydown = (event: Event) => {
      event.stopPropagation();
      if ((event as KeyboardEvent).key !== "Escape") return;
      this.showButton();
      this.element.querySelector("button")?.focus();
    };
    this.element.replaceChildren(
      el(
        "form",
        { onsubmit, onkeydown, onkeyup: quiet, onkeypress: quiet },
        input,
        answer,
        el("div", { class: "actions inner" }, save, cancel),
      ),
    );
    input.focus();
  }

  private async submit(input: HTMLInputElement, save: HTMLButtonElement, answer: HTMLElement): Promise<void> {
    const { texts } = this;
    const name = input.value.trim();
    if (!name) {
      answer.textContent = texts.say("name_needed");
      input.focus();
      return;
    }
    save.disabled = input.disabled = true;
    save.textContent = texts.say("saving");
    answer.textContent = "";
    try {
      this.finish(await this.actions.createContact(this.call(), name));
    } catch (error) {
      const code = error instanceof ApiError ? error.code : "internal";
      answer.textContent = texts.problem(code, error instanceof Error ? error.message : "");
      save.disabled = input.disabled = false;
      save.textContent = texts.say("save");
    }
  }

  private finish(answer: CreateContactAnswer): void {
    this.isOpen = false;
    this.finished = true;
    const words = this.texts.say(answer.created ? "contact_created" : "contact_found");
    const entity = link(answer.entity.name, answer.entity.url, "deal", this.actions.open);
    this.element.replaceChildren(el("p", { class: "done", role: "status" }, icon("check"), `${words}: `, entity));
  }
}

function mail(address: string): HTMLElement {
  // Only a single address may become a link: `mailto:` also accepts headers and a body.
  if (!/^[^\s@<>"?&]+@[^\s@<>"?&]+$/.test(address)) return foreign(address);
  return el("a", { href: `mailto:${address}`, title: address }, foreign(address));
}

/** A button that waits for the answer to its press. */
function commandButton(kind: string, command: () => Promise<void>, ...inside: (Node | string)[]): HTMLButtonElement {
  const onclick = () => {
    button.disabled = true;
    void command().then(() => {
      button.disabled = false;
    });
  };
  const button = el("button", { type: "button", class: kind, onclick }, ...inside);
  return button;
}

/** The red button's action; null if there is nothing to end. */
function endButton(call: CardCall): TextKey | null {
  if (call.state === "ended" || !call.can_hang_up) return null;
  return call.state === "ringing" && !call.is_own ? "decline" : "hang_up";
}

/** Whether the call has ended and this manager need not do anything. */
const FINE = new Set(["answered", "answered_elsewhere", "transferred", "consulted", "gone"]);

function outcome(call: CardCall): string {
  if (call.state !== "ended") return "";
  return FINE.has(call.result ?? call.disposition ?? "answered") ? "fine" : "failed";
}

function topIcon(call: CardCall): Icon {
  if (call.state !== "ended") return "phone";
  if (call.result === "transferred") return "handed_over";
  if (outcome(call) === "fine") return "check";
  return call.is_own ? "close" : "missed";
}
