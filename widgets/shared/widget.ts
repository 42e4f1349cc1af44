/**
 * Puts the widget together: connection, tabs, calls, card and clicks, for any CRM.
 *
 * The only shared module that uses `window` freely. Code for one CRM does not belong here.
 */

import { type AlertMeans, browserMeans, CallAlert } from "./alert";
import { makeApi } from "./api";
import { Calls } from "./calls";
import { Card } from "./card";
import { browserChoices } from "./choices";
import { Clicks, randomId } from "./click";
import { BEAT_MS, browserEnvironment, Connection, type Environment, type LinkState } from "./connection";
import type { Host } from "./host";
import { type CardCall, type Command, type EntityRef, PROTOCOL, type ServerMessage } from "./messages";
import { Presses } from "./presses";
import { BrowserRing } from "./ring_sound";
import { type Channel, type Locks, type TabMessage, Tabs } from "./tabs";
import { type TextKey, Texts } from "./texts";

export interface Widget {
  dial(number: string, entity: EntityRef | null): void;
  /** Tells the manager something in their language. */
  say(key: TextKey): void;
  stop(): void;
}

/** The browser's functions; tests pass their own. */
export interface Surroundings {
  environment: Environment;
  locks: Locks | undefined;
  channel(name: string): Channel;
  /** `signal` aborts when the widget stops. */
  alertMeans(signal: AbortSignal): AlertMeans;
}

const browserSurroundings = (): Surroundings => ({
  environment: browserEnvironment,
  locks: window.navigator.locks as Locks | undefined, // absent on plain http
  channel: (name) => new BroadcastChannel(name) as unknown as Channel,
  alertMeans: (signal) => browserMeans(new BrowserRing(signal), browserChoices()),
});

// So short a gap is not reported if the server closed normally; the next connection ends it.
const TROUBLE_AFTER_MS = 4_000;
const SAID_KEY = "dozvon.said.";
// Shown once in a tab, not at every reconnect: a second message would not help the manager.
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
  private readonly presses: Presses;
  private readonly means: AlertMeans;
  private readonly alert: CallAlert;
  private readonly listening = new AbortController();
  private link: LinkState = "connecting";
  private cancelTrouble: () => void = () => {};
  private cancelBeat: () => void = () => {};

  constructor(
    private readonly host: Host,
    private readonly surroundings: Surroundings,
  ) {
    const api = makeApi(host);
    this.texts = new Texts(host.language);
    this.card = new Card(this.texts, host.currency, () => this.calls.serverNow(this.seconds()), {
      open: (url) => host.open(url),
      hangUp: (call) => this.press("hang_up", call),
      sendExtension: (call) => this.press("send_extension", call),
      dismiss: (call) => {
        this.calls.dismiss(call.id);
        this.tabs.tell({ kind: "dismissed", call: call.id });
        this.show();
      },
      minimised: (minimised) => this.tabs.tell({ kind: "minimised", minimised }),
      createContact: (call, name) => api.createContact({ number: call.raw_number ?? "", name, call: call.id }),
      switchSound: () => {
        this.means.choices.sound = !this.means.choices.sound;
        this.callToIt();
        return this.means.choices.sound;
      },
      notifications: (wanted) => {
        this.means.choices.offerNotifications = wanted;
        if (wanted) void this.means.askForNotifications().finally(() => this.callToIt());
      },
    });
    this.means = surroundings.alertMeans(this.listening.signal);
    this.alert = new CallAlert(this.means);
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
        this.card.setPresenting(this.tabs.isPresenter);
        this.callToIt();
      },
    });
    this.card.setSound(this.means.choices.sound);
  }

  start(): void {
    document.body.append(this.card.element);
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
    window.addEventListener("online", () => this.nudge(), { signal });
    // Every tab shows at once what the browser itself knows, also without the connection.
    window.addEventListener("offline", () => this.lost(), { signal });
    this.beatLater();
    window.addEventListener("pagehide", () => this.tabs.withdraw(), { signal });
    // Back from the back/forward cache: it has missed the other tabs' messages.
    window.addEventListener("pageshow", (event) => event.persisted && this.tabs.tell({ kind: "hello" }), { signal });
    if (document.hasFocus()) looked();
  }

  stop(): void {
    this.alert.stop();
    this.listening.abort();
    this.cancelTrouble();
    this.cancelBeat();
    this.presses.stop();
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
    };
  }

  private take(message: ServerMessage): void {
    if (message.type === "notice") return this.notice(message.code, message.text);
    if (message.type === "received") return this.presses.received(message.id);
    if (this.calls.apply(message, this.seconds())) this.show();
  }

  private show(): void {
    this.card.setDark(this.host.isDark());
    this.card.show(this.calls.shown());
    this.callToIt();
  }

  /** In one of all tabs, call the person to a ringing call if they look elsewhere. */
  private callToIt(): void {
    const ringing = this.calls.shown().find((call) => call.state === "ringing" && !call.is_own);
    const words = ringing && this.card.wordsOf(ringing.id);
    const alert = ringing && words && this.tabs.isChosen ? { id: ringing.id, ...words } : null;
    this.alert.update(alert);
    const { choices } = this.means;
    this.card.setOffer(choices.offerNotifications && this.means.notificationPermission() === "default");
  }

  private notice(code: string, text: string): void {
    if (SAID_ONCE.has(code) && !firstTime(code)) return;
    this.card.setDark(this.host.isDark());
    this.card.notice(code === "pbx_back" ? "info" : "error", this.texts.problem(code, text));
  }

  /** `sure`: the network is away. Otherwise the server has closed, and may be back within a second. */
  private linked(link: LinkState, sure: boolean): void {
    const before = this.link;
    this.link = link;
    if (link === "outdated" && before !== link) this.card.notice("error", this.texts.say("error_version_mismatch"));
    if (link === "open") {
      this.cancelTrouble();
      this.card.setTrouble(false);
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
    if (this.calls.shown().length > 0) this.card.setTrouble(true);
  }

  private doubt(): void {
    if (this.tabs.isLeader) this.connection.doubt();
    else this.tabs.tell({ kind: "doubt" });
  }

  private press(type: Command["type"], call: CardCall): Promise<void> {
    return this.presses.press(type, call, this.calls.serverNow(this.seconds()), this.calls.confirmsWithin);
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

  private nudge(): void {
    if (this.tabs.isLeader) this.connection.nudge();
    else this.tabs.tell({ kind: "nudge" });
  }

  private seconds(): number {
    return this.surroundings.environment.now() / 1000;
  }
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
