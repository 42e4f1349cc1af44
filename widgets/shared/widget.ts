/**
 * Puts the widget together: connection, tabs, calls, card and clicks, for any CRM.
 *
 * The only shared module that uses `window` freely. Code for one CRM does not belong here.
 */

import type { AlertMeans, CallAlert } from "./alert";
import { type Api, ApiError, makeApi } from "./api";
import { Calls } from "./calls";
import { Card, type CardActions } from "./card";
import { Clicks, randomId } from "./click";
import { copyText } from "./clipboard";
import { BEAT_MS, browserEnvironment, Connection, type Environment, type LinkState } from "./connection";
import type { Floating } from "./floating";
import type { Host } from "./host";
import { focusedElement, isHotKey, isListKey } from "./hot_key";
import {
  type CardCall,
  type Command,
  type EntityRef,
  type OfferMessage,
  type Order,
  type OwnListMessage,
  PROTOCOL,
  type ServerMessage,
} from "./messages";
import { browserDrafts, type NoteActions } from "./note_draft";
import { OwnList } from "./own_list";
import type { OwnListActions, OwnListView } from "./own_list_view";
import { Presses } from "./presses";
import { type Channel, type Locks, noChannel, type TabMessage, Tabs } from "./tabs";
import { type TextKey, Texts } from "./texts";

export interface Widget {
  dial(number: string, entity: EntityRef | null): void;
  /** What was ticked in a list of the CRM goes into a list to call. `call` calls the only one that is ticked. */
  select(entities: EntityRef[], call: (() => void) | null): void;
  /** Tells the manager something in their language. */
  say(key: TextKey): void;
  /** Asks the frame again which calls it shows. */
  show(): void;
  /** The CRM is about to close the page: saves what was typed. */
  settle(): void;
  stop(): void;
}

/** The browser's functions; tests pass their own. */
export interface Surroundings {
  environment: Environment;
  locks: Locks | undefined;
  channel(name: string): Channel;
}

/** What a page may have besides cards; each page loads only its own. */
export interface WidgetParts {
  /** What a card has that floats over the CRM's page; null: it stands in the host's frame. */
  floating: Floating | null;
  /** The manager's own list; null: the page has no place for it. */
  list: ((texts: Texts, serverNow: () => number, actions: OwnListActions, isFramed: boolean) => OwnListView) | null;
}

const browserSurroundings = (): Surroundings => ({
  environment: browserEnvironment,
  locks: window.navigator.locks as Locks | undefined, // absent on plain http
  channel(name) {
    try {
      return new BroadcastChannel(name) as unknown as Channel;
    } catch {
      return noChannel();
    }
  },
});

// So short a gap is not reported if the server closed normally; the next connection ends it.
const TROUBLE_AFTER_MS = 4_000;
const SAID_KEY = "dozvon.said.";
// Shown once in a tab, not at every reconnect: a second message would not help the manager.
const SAID_ONCE = new Set(["no_extension", "extension_unknown", "integration_disabled", "other_telephony"]);
// Other widgets of the page have started by then.
const LOOK_AROUND_MS = 10_000;

export function startWidget(
  host: Host,
  parts: WidgetParts,
  surroundings: Surroundings = browserSurroundings(),
): Widget {
  const widget = new RunningWidget(host, parts, surroundings);
  widget.start();
  return widget;
}

class RunningWidget implements Widget {
  private readonly api: Api;
  private readonly texts: Texts;
  private readonly calls = new Calls();
  private readonly card: Card;
  private readonly list = new OwnList();
  private offer: OfferMessage | null = null;
  /** Null: in a frame that has no place for it. */
  private readonly listView: OwnListView | null;
  private cameFrom: HTMLElement | null = null; // where the focus was before the list's hot key
  private readonly clicks: Clicks;
  private readonly connection: Connection;
  private readonly tabs: Tabs;
  private readonly presses: Presses;
  private readonly means: AlertMeans | null;
  private readonly alert: CallAlert | null;
  private readonly listening = new AbortController();
  private link: LinkState = "connecting";
  private cancelTrouble: () => void = () => {};
  private cancelBeat: () => void = () => {};
  private cancelLook: () => void = () => {};

  constructor(
    private readonly host: Host,
    parts: WidgetParts,
    private readonly surroundings: Surroundings,
  ) {
    const api = makeApi(host);
    this.api = api;
    this.texts = new Texts(host.language);
    const { floating } = parts;
    const means = floating?.means(this.listening.signal) ?? null;
    this.means = means;
    this.alert = means && floating ? floating.alert(means) : null;
    const notes: NoteActions = {
      read: (call) => api.readNote(call),
      save: (request) => api.saveNote(request),
      conclude: (request) => api.conclude(request),
      newRequest: randomId,
      after: (ms, run) => surroundings.environment.after(ms, run),
      drafts: browserDrafts,
    };
    const actions: CardActions = {
      preview: {
        press: (action, campaign, entry) =>
          this.press({ type: "offer", action, campaign, entry, language: host.language }),
        pause: (paused) => this.pauseCampaigns(paused),
        after: (ms, run) => surroundings.environment.after(ms, run),
      },
      open: (url) => host.open(url),
      hangUp: (call) => this.press({ type: "hang_up", call: call.id, seen: seen(call) }),
      sendExtension: (call) => this.press({ type: "send_extension", call: call.id }),
      choose: (call, { kind, id }) => this.press({ type: "choose_person", call: call.id, person: { kind, id } }),
      callBack: (call) => this.callBack(call),
      copy: copyText,
      dismiss: (call) => {
        this.calls.dismiss(call.id);
        this.tabs.tell({ kind: "dismissed", call: call.id });
        this.show();
      },
      minimised: (minimised) => this.tabs.tell({ kind: "minimised", minimised }),
      createContact: (call, name) => api.createContact({ number: call.raw_number ?? "", name, call: call.id }),
      createDeal: (call, name, request) => api.createDeal({ call: call.id, name, request }),
      newRequest: randomId,
      notes,
      callbacks: {
        read: (call) => api.readCallback(call),
        want: (call, wanted) => api.wantCallback({ call, wanted }),
        after: (ms, run) => surroundings.environment.after(ms, run),
      },
      switchSound: () => {
        if (!means) return false;
        means.choices.sound = !means.choices.sound;
        this.callToIt();
        return means.choices.sound;
      },
      notifications: (wanted) => {
        if (!means) return;
        means.choices.offerNotifications = wanted;
        if (wanted) void means.askForNotifications().finally(() => this.callToIt());
      },
      choosing: means && {
        server: api,
        choices: means.choices,
        notificationPermission: () => means.notificationPermission(),
        askForNotifications: () => means.askForNotifications(),
        sample: () => means.ring.sample(means.choices.tune, means.choices.volume),
        changed: () => this.callToIt(),
      },
    };
    const serverNow = () => this.calls.serverNow(this.seconds());
    const place = host.frame ?? floating;
    if (!place) throw new Error("a card without a frame floats");
    this.card = new Card(this.texts, host.currency, serverNow, actions, place);
    const listPlace = host.frame ? host.frame.list : document.body;
    this.listView = (listPlace && this.makeListView(parts.list, serverNow, notes)) ?? null;
    if (this.listView) listPlace?.append(this.listView.element);
    this.presses = new Presses(
      surroundings.environment,
      {
        send: (message) => this.send(message),
        unsent: () => this.say("error_not_sent"),
        unconfirmed: () => {
          this.say("error_unconfirmed");
          this.doubt();
        },
      },
      randomId,
    );
    this.clicks = new Clicks(api, {
      serverNow: () => (this.calls.knowsTheTime ? this.calls.serverNow(this.seconds()) : null),
      calling: (number) => this.card.notice("info", this.texts.say("calling", { number })),
      refused: (code, message) => this.card.notice("error", this.texts.problem(code, message)),
    });
    this.connection = new Connection(host.backend, api, surroundings.environment, {
      message: (message) => this.fromServer(message),
      link: (link, sure) => {
        this.linked(link, sure);
        this.tabs.tell({ kind: "link", link, sure });
      },
    });
    // Tabs of different versions (one was not reloaded after an update) do not understand each other.
    const name = `dozvon:${PROTOCOL}:${host.backend}:${host.managerKey}`;
    this.tabs = new Tabs(randomTabId(), surroundings.channel(name), surroundings.locks, name, {
      lead: () => {
        this.connection.start();
        this.callToIt();
      },
      heard: (message) => this.fromTab(message),
      presenting: () => {
        this.card.setPresenting(this.tabs.isPresenter || Boolean(host.frame));
        this.callToIt();
      },
    });
    if (means) this.card.setSound(means.choices.sound);
  }

  start(): void {
    (this.host.frame?.element ?? document.body).append(this.card.element);
    this.tabs.join();
    const { signal } = this.listening;
    const looked = () => {
      if (document.visibilityState === "visible") {
        this.tabs.present();
        this.nudge();
      } else {
        this.tabs.withdraw();
      }
      this.callToIt();
    };
    window.addEventListener("focus", looked, { signal });
    window.addEventListener("blur", () => this.callToIt(), { signal });
    document.addEventListener("visibilitychange", looked, { signal });
    // Before the CRM sees the key, wherever the focus is.
    window.addEventListener("keydown", (event) => this.hotKey(event), { signal, capture: true });
    window.addEventListener("online", () => this.nudge(), { signal });
    // Every tab shows at once what the browser itself knows, also without the connection.
    window.addEventListener("offline", () => this.lost(), { signal });
    this.beatLater();
    this.cancelLook = this.surroundings.environment.after(LOOK_AROUND_MS, () => this.lookAround());
    window.addEventListener("beforeunload", (event) => this.leaving(event), { signal });
    window.addEventListener("pagehide", () => this.tabs.withdraw(), { signal });
    // Back from the back/forward cache: it has missed the other tabs' messages.
    window.addEventListener("pageshow", (event) => event.persisted && this.tabs.tell({ kind: "hello" }), { signal });
    if (document.hasFocus()) looked();
  }

  stop(): void {
    this.alert?.stop();
    this.listening.abort();
    this.cancelTrouble();
    this.cancelBeat();
    this.cancelLook();
    this.presses.stop();
    this.connection.stop();
    this.tabs.leave();
    this.card.destroy();
    this.listView?.destroy();
  }

  dial(number: string, entity: EntityRef | null): void {
    this.tabs.present();
    void this.clicks.dial(number, entity);
  }

  select(entities: EntityRef[], call: (() => void) | null): void {
    if (!entities.length) return this.say("error_select_one");
    this.tabs.present();
    this.card.setDark(this.host.isDark());
    void this.card.select(entities, { server: this.api, newRequest: randomId, call, closed: () => {} });
  }

  say(key: TextKey): void {
    this.card.notice("error", this.texts.say(key));
  }

  settle(): void {
    this.card.settle();
    this.listView?.settle();
  }

  private fromServer(message: ServerMessage): void {
    this.tabs.tell({ kind: "server", message });
    this.take(message);
  }

  private fromTab(message: TabMessage): void {
    switch (message.kind) {
      case "hello":
        if (this.tabs.isLeader) this.tabs.tell(this.state());
        return;
      case "state":
        for (const id of message.dismissed) this.calls.dismiss(id);
        this.take(message.snapshot);
        if (message.list) this.take(message.list);
        if (message.offer) this.take(message.offer);
        return this.linked(message.link, false);
      case "server":
        return this.take(message.message);
      case "link":
        return this.linked(message.link, message.sure);
      case "send":
        if (this.tabs.isLeader && !this.connection.send(message.message)) {
          this.tabs.tell({ kind: "unsent", id: message.message.id });
        }
        return;
      case "unsent":
        return this.presses.unsent(message.id);
      case "nudge":
        return this.connection.nudge();
      case "beat":
        return this.connection.beat();
      case "doubt":
        return this.connection.doubt();
      case "dismissed":
        if (this.calls.dismiss(message.call)) this.show();
        return;
      case "minimised":
        return this.card.setMinimised(message.minimised);
    }
  }

  private state(): TabMessage {
    return {
      kind: "state",
      snapshot: this.calls.snapshot(this.seconds()),
      link: this.link,
      dismissed: this.calls.dismissedIds(),
      presenter: this.tabs.presenterId,
      list: this.list.whole(),
      offer: this.offer,
    };
  }

  private take(message: ServerMessage): void {
    if (message.type === "notice") return this.notice(message.code, message.text);
    if (message.type === "received") return this.presses.received(message.id);
    if (message.type === "own_list") return this.takeList(message);
    if (message.type === "offer") return this.takeOffer(message);
    if (message.type === "snapshot" && message.own_list) this.takeList(message.own_list);
    if (message.type === "snapshot" && message.offer) this.takeOffer(message.offer);
    if (message.type === "note_changed") {
      this.listView?.noteChanged(message.call, message.note);
      return this.card.noteChanged(message.call, message.note);
    }
    if (this.calls.apply(message, this.seconds())) this.show();
  }

  show(): void {
    this.card.setDark(this.host.isDark());
    this.listView?.setDark(this.host.isDark());
    this.card.show(this.shown());
    this.callToIt();
  }

  /** A framed page shows its own calls of all, closed ones too where the CRM closes the page. */
  private shown(): CardCall[] {
    const { frame } = this.host;
    if (!frame) return this.calls.shown();
    return frame.shown(frame.keeps ? this.calls.all() : this.calls.shown());
  }

  /** In one of all tabs, call the person to a ringing call if they look elsewhere. A frame has no title and no voice. */
  private callToIt(): void {
    if (!this.alert || !this.means) return;
    const ringing = this.calls.shown().find((call) => call.state === "ringing" && !call.is_own);
    const words = ringing && this.card.wordsOf(ringing.id);
    const alert = ringing && words && this.tabs.isChosen ? { id: ringing.id, ...words } : null;
    this.alert.update(alert);
    const { choices } = this.means;
    this.card.setOffer(choices.offerNotifications && this.means.notificationPermission() === "default");
  }

  private notice(code: string, text: string): void {
    if (SAID_ONCE.has(code) && (this.host.frame?.saysState || !firstTime(code))) return;
    this.card.setDark(this.host.isDark());
    const words = code === "other_telephony" ? this.texts.say("error_other_telephony", { name: text }) : null;
    this.card.notice(code === "pbx_back" ? "info" : "error", words ?? this.texts.problem(code, text));
  }

  /** `sure`: the network is away. Otherwise the server has closed, and may be back within a second. */
  private linked(link: LinkState, sure: boolean): void {
    const before = this.link;
    this.link = link;
    if (link === "outdated" && before !== link) this.card.notice("error", this.texts.say("error_version_mismatch"));
    if (link === "open") {
      this.cancelTrouble();
      this.card.setTrouble(false);
      this.listView?.setTrouble(false);
    } else if (sure) {
      this.lost();
    } else if (before === "open") {
      this.cancelTrouble();
      this.cancelTrouble = this.surroundings.environment.after(TROUBLE_AFTER_MS, () => this.trouble());
    }
  }

  /** The network is away. Show it at once in a tab with calls; other tabs say nothing. */
  private lost(): void {
    if (this.tabs.isLeader) this.connection.doubt();
    this.cancelTrouble();
    this.trouble();
  }

  private trouble(): void {
    // Only while calls are on the screen: otherwise nobody waits.
    if (this.shown().length > 0 || this.list.state?.clients.length) this.card.setTrouble(true);
    this.listView?.setTrouble(true);
  }

  private doubt(): void {
    if (this.tabs.isLeader) this.connection.doubt();
    else this.tabs.tell({ kind: "doubt" });
  }

  private press(order: Order): Promise<void> {
    return this.presses.press(order, this.calls.serverNow(this.seconds()), this.calls.confirmsWithin);
  }

  /** A click to call like any other, with its refusals. The extension behind the number goes along as people write it. */
  private callBack({ raw_number, client_extension, person }: CardCall): Promise<void> {
    const behind = client_extension && this.texts.say("client_extension", { number: client_extension });
    const number = behind ? `${raw_number} ${behind}` : (raw_number ?? "");
    return this.clicks.dial(number, person && { kind: person.kind, id: person.id });
  }

  private makeListView(
    make: WidgetParts["list"],
    serverNow: () => number,
    notes: NoteActions,
  ): OwnListView | undefined {
    return make?.(
      this.texts,
      serverNow,
      {
        press: (action, client) => void this.press({ type: "own_list", action, client }),
        open: (url) => this.host.open(url),
        keepScript: async (script) => void (await this.api.keepScript(script)),
        notes,
        height: (pixels) => this.card.setRaised(this.host.frame ? 0 : pixels),
        notesOf: (call) => this.card.setNotesElsewhere(call),
      },
      Boolean(this.host.frame),
    );
  }

  private takeOffer(message: OfferMessage): void {
    this.offer = message;
    this.card.setDark(this.host.isDark());
    this.card.showOffer(message);
  }

  /** False: it could not be said, and the person is told why. */
  private async pauseCampaigns(paused: boolean): Promise<boolean> {
    try {
      await this.api.pauseCampaigns(paused);
      return true;
    } catch (error) {
      this.card.notice("error", this.texts.problem(error instanceof ApiError ? error.code : "internal"));
      return false;
    }
  }

  private takeList(message: OwnListMessage): void {
    if (this.list.take(message) === "gap") {
      // A message was lost: the whole list comes as one.
      this.send({ type: "own_list_read", id: randomId(), at: this.calls.serverNow(this.seconds()) });
      return;
    }
    const { state } = this.list;
    if (!state || !this.listView) return;
    this.listView.setDark(this.host.isDark());
    this.listView.show(state);
  }

  /** The list keeps, but nobody is called while no page is open. */
  private leaving(event: BeforeUnloadEvent): void {
    if (!this.listView?.isRunning) return;
    event.preventDefault();
    event.returnValue = ""; // older browsers ask only then
  }

  private listKey(event: KeyboardEvent): void {
    if (!this.listView) return;
    if (this.listView.hasFocus) {
      this.cameFrom?.focus();
      this.cameFrom = null;
    } else {
      const from = focusedElement();
      if (!this.listView.takeFocus()) return;
      this.cameFrom = from;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  private hotKey(event: KeyboardEvent): void {
    if (isListKey(event) && (this.means?.choices.hotKey ?? true)) return this.listKey(event);
    if (!this.means?.choices.hotKey || !isHotKey(event) || !this.card.takeFocus()) return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** False: there is no connection, and nothing was sent. */
  private send(message: Command): boolean {
    if (this.link !== "open") return false;
    if (this.tabs.isLeader) return this.connection.send(message);
    this.tabs.tell({ kind: "send", message });
    return true;
  }

  /** A visible tab's timers run in time; the tab with the connection may be hidden. */
  private beatLater(): void {
    this.cancelBeat = this.surroundings.environment.after(BEAT_MS, () => {
      this.beatLater();
      if (!this.tabs.isLeader && document.visibilityState === "visible") this.tabs.tell({ kind: "beat" });
    });
  }

  /** A second telephony in the page is told to the manager, once, and to the server, which tells administrators. */
  private lookAround(): void {
    const names = this.host.otherTelephony();
    if (names === null) return;
    if (names.length) this.notice("other_telephony", names.join(", "));
    if (this.tabs.isLeader) this.api.reportSightings({ other_telephony: names }).catch(() => {}); // the next page tells it
  }

  private nudge(): void {
    if (this.tabs.isLeader) this.connection.nudge();
    else this.tabs.tell({ kind: "nudge" });
  }

  private seconds(): number {
    return this.surroundings.environment.now() / 1000;
  }
}

/** What the red button stands for. */
function seen(call: CardCall): "ringing" | "talking" {
  return call.state === "ringing" && !call.is_own ? "ringing" : "talking";
}

function firstTime(code: string): boolean {
  try {
    if (sessionStorage.getItem(SAID_KEY + code)) return false;
    sessionStorage.setItem(SAID_KEY + code, "1");
  } catch {
    // Storage is forbidden on this page: better shown twice than never.
  }
  return true;
}

function randomTabId(): string {
  return `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`;
}
