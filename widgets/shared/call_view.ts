/**
 * One call in the card: its state, who it is, what can be done. `call_blocks.ts` tells the rest of the client.
 *
 * `card.ts` has the stack of calls, minimising, toasts and timers. A section is built again only if its data changed,
 * so that a link keeps the keyboard's focus and a half-typed name survives an update.
 */

import { CallBlocks } from "./call_blocks";
import { type CallbackActions, CallbackView } from "./callback_view";
import { ChooserView } from "./chooser_view";
import { CreateView } from "./create_view";
import { el, foreign, type Icon, icon, link } from "./dom";
import { clock, initials, plain } from "./format";
import { guide } from "./guide";
import type { Candidate, CardCall, CreateContactAnswer, CreateDealAnswer, Person } from "./messages";
import type { NoteActions } from "./note_draft";
import { NoteView } from "./note_view";
import type { TextKey, Texts } from "./texts";

export interface CallActions {
  open(url: string): void;
  /** Both resolve when the button may be pressed again. */
  hangUp(call: CardCall): Promise<void>;
  sendExtension(call: CardCall): Promise<void>;
  dismiss(call: CardCall): void;
  minimise(): void;
  expand(call: CardCall): void;
  choose(call: CardCall, candidate: Candidate): Promise<void>;
  /** Dials the client's number again; resolves when the request was answered. */
  callBack(call: CardCall): Promise<void>;
  /** Whether the clipboard has it now. */
  copy(text: string): Promise<boolean>;
  /** Both reject with ApiError. `request`: the form's id; a repeated one makes no second deal. */
  createContact(call: CardCall, name: string): Promise<CreateContactAnswer>;
  createDeal(call: CardCall, name: string, request: string): Promise<CreateDealAnswer>;
  newRequest(): string;
  /** Without them the card has no note and no result. */
  notes?: NoteActions;
  /** Without them the card says nothing of callbacks. */
  callbacks?: CallbackActions;
}

const COPIED_MS = 2_000;
/** How a colleague sends a client whom they have talked to. */
const SENT = new Set(["transfer", "consultation"]);

/** A sentence, and the foreign name in it. */
interface Worded {
  key: TextKey;
  name?: string;
}

export class CallView {
  readonly element: HTMLElement;
  /** Below what the card tells of the client, always in sight: the manager's note and the result. */
  readonly slot = el("div", { class: "slot" });
  private call: CardCall;
  private readonly built = new Map<HTMLElement, string>();
  private readonly timer = el("span", { class: "timer" });
  private readonly top = el("div", { class: "top" });
  private readonly who = el("div", { class: "who" });
  private readonly came = el("div", {});
  private readonly guide = el("div", { class: "guide" });
  private readonly held = el("p", { class: "held", hidden: true });
  private readonly heldTimer = el("span", { class: "since" });
  private readonly blocks: CallBlocks;
  private readonly chooser: ChooserView;
  private readonly contact: CreateView;
  private readonly deal: CreateView;
  readonly note: NoteView | null;
  private readonly callback: CallbackView | null;
  private readonly buttons = el("div", { class: "actions" });

  constructor(
    call: CardCall,
    private readonly texts: Texts,
    currency: string | null,
    private readonly actions: CallActions,
  ) {
    this.call = call;
    this.blocks = new CallBlocks(texts, currency, actions.open);
    this.chooser = new ChooserView(texts, actions.choose);
    this.contact = this.makeContact();
    this.deal = this.makeDeal();
    this.held.append(icon("pause"), el("span", {}, texts.say("held")), this.heldTimer);
    this.note = actions.notes ? new NoteView(call, texts, actions.notes) : null;
    this.callback = actions.callbacks ? new CallbackView(texts, actions.callbacks) : null;
    if (this.callback) this.slot.append(this.callback.element);
    if (this.note) this.slot.append(this.note.element);
    const create = [this.contact.element, this.deal.element];
    const body = el("div", { class: "body" }, this.chooser.element, this.guide, this.blocks.element, ...create);
    this.element = el("article", {}, this.top, this.came, this.held, this.who, body, this.slot, this.buttons);
  }

  /** Whether a person is typing in a form of this call. */
  get isBusy(): boolean {
    return this.contact.isOpen || this.deal.isOpen || (this.note?.isBusy ?? false);
  }

  /** The person closed the card, form and all. */
  giveUp(): void {
    this.contact.close();
    this.deal.close();
    this.note?.giveUp();
    this.callback?.giveUp();
  }

  update(call: CardCall, serverNow: number, folded: boolean): void {
    this.call = call;
    const { person } = call;
    this.element.className = `call ${call.state} ${call.direction} ${outcome(call)}${folded ? " folded" : ""}`;
    this.element.setAttribute("aria-label", `${plain(this.heading())}: ${plain(this.title())}`);
    this.section(this.top, [call.state, this.heading(), call.direction, folded], () => this.buildTop(folded));
    this.section(this.came, [call.came], () => this.buildCame());
    const who = [
      person?.name,
      person?.url,
      call.listed,
      call.campaign?.name,
      call.number,
      call.raw_number,
      call.client_extension,
      call.is_looked_up,
    ];
    this.section(this.who, who, () => this.buildWho());
    const { comment, script } = (call.state !== "ended" && call.campaign) || { comment: "", script: "" };
    // A colleague was the one to say it: whoever gets the client from them unfolds it to see what was said.
    const isOpen = !SENT.has(call.came?.how ?? "");
    this.section(this.guide, [comment, script, isOpen], () => guide(this.texts, comment, script, isOpen));
    this.held.hidden = call.state !== "talking" || call.held_since === null;
    this.chooser.update(call);
    this.blocks.update(call, serverNow);
    const again = againButton(call);
    const button = endButton(call);
    const actions = [call.state, again, button, person?.kind, person?.url, call.client_extension];
    this.section(this.buttons, actions, () => this.buildButtons(person, again, button));
    this.contact.update(call.can_create && person === null && call.raw_number !== null);
    this.deal.update(call.can_create_deal && person !== null);
    this.note?.update(call, serverNow);
    this.callback?.update(call, serverNow);
    this.tick(serverNow);
  }

  tick(serverNow: number): void {
    this.timer.textContent = this.time(serverNow);
    if (this.call.held_since !== null) this.heldTimer.textContent = clock(serverNow - this.call.held_since);
  }

  get shownTime(): string {
    return this.timer.textContent ?? "";
  }

  /** Who it is, in one line of plain text. */
  title(): string {
    const { person, listed, number } = this.call;
    return listed?.name || person?.name || number || this.texts.say("hidden_number");
  }

  heading(): string {
    return this.words(this.headingKey());
  }

  /** The announcement of a new state for screen readers. */
  announcement(): string {
    const came = this.call.state === "ringing" ? this.cameKey() : null;
    const heading = this.held.hidden ? this.heading() : this.texts.say("held");
    return [heading, ...(came ? [this.words(came)] : []), this.title()].map(plain).join(": ");
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
        { type: "button", class: `icon ${name}`, "aria-label": texts.say(label), title: texts.say(label), onclick },
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
    const { person, listed, number, client_extension } = this.call;
    const called = listed?.name || person?.name || "";
    const extension = client_extension ? ` ${this.texts.say("client_extension", { number: client_extension })}` : "";
    const shownNumber = `${number || this.texts.say("hidden_number")}${extension}`;
    const letters = initials(called);
    const avatar = el("div", { class: "avatar", "aria-hidden": "true" }, letters || icon("phone"));
    const copy = this.copyButton();
    if (!person && !listed) {
      const key = this.call.is_looked_up ? "unknown_number" : "looking_up";
      const unknown = el("div", { class: "sub" }, number ? this.texts.say(key) : "");
      const name = el("div", { class: "name" }, foreign(shownNumber));
      return [avatar, el("div", { class: "names" }, el("div", { class: "with_copy" }, name, copy), unknown)];
    }
    const name = link(called || shownNumber, person?.url ?? null, "name", this.actions.open);
    const shown = el("div", { class: "sub with_copy" }, el("span", { class: "number" }, foreign(shownNumber)), copy);
    return [avatar, el("div", { class: "names" }, name, shown, this.campaignLine())];
  }

  private campaignLine(): HTMLElement | null {
    const campaign = this.call.campaign?.name ?? this.call.listed?.campaign;
    return campaign
      ? el("div", { class: "sub campaign" }, this.texts.say("preview_campaign"), " ", foreign(campaign))
      : null;
  }

  /** None for a number that is hidden from this manager, as a whole or in part. */
  private copyButton(): HTMLElement | null {
    const { raw_number, number } = this.call;
    const text = raw_number ?? (/^[0-9]+$/.test(number) ? number : null);
    if (!text) return null;
    const { texts } = this;
    const label = (key: TextKey) => {
      button.setAttribute("aria-label", texts.say(key));
      button.title = texts.say(key);
    };
    const answer = el("span", { class: "copied", role: "status" });
    const onclick = async () => {
      const done = await this.actions.copy(text);
      answer.textContent = texts.say(done ? "copied" : "not_copied");
      button.replaceChildren(icon(done ? "check" : "warning"));
      setTimeout(() => {
        answer.textContent = "";
        button.replaceChildren(icon("copy"));
      }, COPIED_MS);
    };
    const button = el("button", { type: "button", class: "icon copy", onclick: () => void onclick() }, icon("copy"));
    label("copy_number");
    return el("span", { class: "copying" }, button, answer);
  }

  private makeContact(): CreateView {
    const kind = this.call.create_kind;
    const create = async (name: string) => {
      const { created, entity } = await this.actions.createContact(this.call, name);
      return { words: created ? (`${kind}_created` as const) : (`${kind}_found` as const), ...entity };
    };
    const words = { offer: `create_${kind}`, field: `${kind}_name` } as const;
    return new CreateView(
      this.texts,
      { ...words, isMain: true, suggested: () => this.call.listed?.name ?? "", create },
      this.actions.open,
    );
  }

  private makeDeal(): CreateView {
    // After an error the same deal is asked for again: the server recognises it by the id of the request.
    let last = { name: "", request: "" };
    const create = async (name: string) => {
      if (name !== last.name) last = { name, request: this.actions.newRequest() };
      const { deal } = await this.actions.createDeal(this.call, name, last.request);
      return { words: "deal_created" as const, ...deal };
    };
    const words = { offer: "create_deal", field: "deal_name" } as const;
    const suggested = () => this.texts.say("deal_suggested", { name: this.title() }).slice(0, 200);
    return new CreateView(this.texts, { ...words, isMain: false, suggested, create }, this.actions.open);
  }

  private buildButtons(person: Person | null, again: TextKey | null, end: TextKey | null): Node[] {
    const { texts, actions } = this;
    const buttons: Node[] = [];
    if (again) {
      buttons.push(
        commandButton("button main again", () => actions.callBack(this.call), icon("phone"), texts.say(again)),
      );
    }
    if (person) {
      const opens = link(texts.say(`open_${person.kind}`), person.url, again ? "button" : "button main", actions.open);
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

/** Results after which the client was not reached: one press dials them. */
const NOT_REACHED = new Set(["missed", "busy", "failed", "cancelled", "noanswer"]);

/** "Call back" of a call that did not reach this manager, "call again" of one that did not reach the client. */
function againButton(call: CardCall): TextKey | null {
  if (call.state !== "ended" || call.raw_number === null) return null;
  if (!NOT_REACHED.has(call.result ?? call.disposition ?? "")) return null;
  return call.is_own ? "call_again" : "call_back";
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
