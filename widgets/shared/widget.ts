/**
 * The widget put together: connection, tabs, calls, card and clicks, for whatever CRM hosts it.
 *
 * The only shared module that touches `window` at large; nothing of one CRM belongs here.
 */

import { makeApi } from "./api";
import { Calls } from "./calls";
import { Card } from "./card";
import { Clicks } from "./click";
import { browserEnvironment, Connection, type Environment, type LinkState } from "./connection";
import type { Host } from "./host";
import { type EntityRef, PROTOCOL, type ServerMessage, type WidgetMessage } from "./messages";
import { type Channel, type Locks, type TabMessage, Tabs } from "./tabs";
import { type TextKey, Texts } from "./texts";

export interface Widget {
  dial(number: string, entity: EntityRef | null): void;
  /** Tells the manager something in their language. */
  say(key: TextKey): void;
  stop(): void;
}

/** The browser's means; tests put their own in. */
export interface Surroundings {
  environment: Environment;
  locks: Locks | undefined;
  channel(name: string): Channel;
  now(): number; // milliseconds
}

const browserSurroundings = (): Surroundings => ({
  environment: browserEnvironment,
  locks: window.navigator.locks as Locks | undefined, // absent on plain http
  channel: (name) => new BroadcastChannel(name) as unknown as Channel,
  now: Date.now,
});

// A gap this short is not worth a word; the next connection mends it.
const TROUBLE_AFTER_MS = 4_000;
const SAID_KEY = "dozvon.said.";
// Said once per tab, not at every reconnect: nothing a manager could do about it twice.
const SAID_ONCE = new Set(["no_extension", "extension_unknown"]);

export function startWidget(host: Host, surroundings: Surroundings = browserSurroundings()): Widget {
  const widget = new RunningWidget(host, surroundings);
  widget.start();
  return widget;
}

class RunningWidget implements Widget {
  private readonly texts: Texts;
  private readonly calls = new Calls();
  private readonly card: Card;
  private readonly clicks: Clicks;
  private readonly connection: Connection;
  private readonly tabs: Tabs;
  private readonly listening = new AbortController();
  private link: LinkState = "connecting";
  private cancelTrouble: () => void = () => {};

  constructor(
    private readonly host: Host,
    private readonly surroundings: Surroundings,
  ) {
    const api = makeApi(host);
    this.texts = new Texts(host.language);
    this.card = new Card(this.texts, host.currency, () => this.calls.serverNow(this.seconds()), {
      open: (url) => host.open(url),
      hangUp: (call) => this.send({ type: "hang_up", call: call.id }),
      sendExtension: (call) => this.send({ type: "send_extension", call: call.id }),
      dismiss: (call) => {
        this.calls.dismiss(call.id);
        this.tabs.tell({ kind: "dismissed", call: call.id });
        this.show();
      },
      minimised: (minimised) => this.tabs.tell({ kind: "minimised", minimised }),
      createContact: (call, name) => api.createContact({ number: call.raw_number ?? "", name, call: call.id }),
    });
    this.clicks = new Clicks(api, {
      calling: (number) => this.card.notice("info", this.texts.say("calling", { number })),
      refused: (code, message) => this.card.notice("error", this.texts.problem(code, message)),
    });
    this.connection = new Connection(host.backend, api, surroundings.environment, {
      message: (message) => this.fromServer(message),
      link: (link) => {
        this.linked(link);
        this.tabs.tell({ kind: "link", link });
      },
    });
    // Tabs of different versions (one was not reloaded after an update) do not understand each other.
    const name = `dozvon:${PROTOCOL}:${host.backend}:${host.managerKey}`;
    this.tabs = new Tabs(randomTabId(), surroundings.channel(name), surroundings.locks, name, {
      lead: () => this.connection.start(),
      heard: (message) => this.fromTab(message),
      presenting: () => this.card.setPresenting(this.tabs.isPresenter),
    });
  }

  start(): void {
    document.body.append(this.card.element);
    this.tabs.join();
    const { signal } = this.listening;
    const looked = () => {
      if (document.visibilityState !== "visible") return this.tabs.withdraw();
      this.tabs.present();
      this.nudge();
    };
    window.addEventListener("focus", looked, { signal });
    document.addEventListener("visibilitychange", looked, { signal });
    window.addEventListener("online", () => this.nudge(), { signal });
    window.addEventListener("pagehide", () => this.tabs.withdraw(), { signal });
    // Out of the back/forward cache: what the others said meanwhile was missed.
    window.addEventListener("pageshow", (event) => event.persisted && this.tabs.tell({ kind: "hello" }), { signal });
    if (document.hasFocus()) looked();
  }

  stop(): void {
    this.listening.abort();
    this.cancelTrouble();
    this.connection.stop();
    this.tabs.leave();
    this.card.destroy();
  }

  dial(number: string, entity: EntityRef | null): void {
    this.tabs.present();
    void this.clicks.dial(number, entity);
  }

  say(key: TextKey): void {
    this.card.notice("error", this.texts.say(key));
  }

  private fromServer(message: ServerMessage): void {
    if (message.type === "pong") return;
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
        return this.linked(message.link);
      case "server":
        return this.take(message.message);
      case "link":
        return this.linked(message.link);
      case "send":
        if (this.tabs.isLeader) this.connection.send(message.message);
        return;
      case "nudge":
        return this.connection.nudge();
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
    };
  }

  private take(message: ServerMessage): void {
    if (message.type === "notice") return this.notice(message.code, message.text);
    if (this.calls.apply(message, this.seconds())) this.show();
  }

  private show(): void {
    this.card.setDark(this.host.isDark());
    this.card.show(this.calls.shown());
  }

  private notice(code: string, text: string): void {
    if (SAID_ONCE.has(code) && !firstTime(code)) return;
    this.card.setDark(this.host.isDark());
    this.card.notice(code === "pbx_back" ? "info" : "error", this.texts.problem(code, text));
  }

  private linked(link: LinkState): void {
    const before = this.link;
    this.link = link;
    if (link === "outdated" && before !== link) this.card.notice("error", this.texts.say("error_version_mismatch"));
    if (link === "open") {
      this.cancelTrouble();
      this.card.setTrouble(false);
    } else if (before === "open" && this.calls.shown().length > 0) {
      // Only while calls are on the screen: otherwise nobody waits for anything.
      this.cancelTrouble();
      this.cancelTrouble = this.surroundings.environment.after(TROUBLE_AFTER_MS, () => this.card.setTrouble(true));
    }
  }

  private send(message: WidgetMessage): void {
    if (this.tabs.isLeader) {
      if (!this.connection.send(message)) this.say("error_network");
    } else {
      this.tabs.tell({ kind: "send", message });
    }
  }

  private nudge(): void {
    if (this.tabs.isLeader) this.connection.nudge();
    else this.tabs.tell({ kind: "nudge" });
  }

  private seconds(): number {
    return this.surroundings.now() / 1000;
  }
}

function firstTime(code: string): boolean {
  try {
    if (sessionStorage.getItem(SAID_KEY + code)) return false;
    sessionStorage.setItem(SAID_KEY + code, "1");
  } catch {
    // Storage is forbidden on this page: better said twice than never.
  }
  return true;
}

function randomTabId(): string {
  return `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`;
}
