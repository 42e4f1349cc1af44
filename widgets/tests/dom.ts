/** A document for tests of what is drawn, and doubles of what a browser and a CRM give. Imported before what it serves. */

import { setMaxListeners } from "node:events";
import { Window } from "happy-dom";
import type { AlertMeans, Ringing } from "../shared/alert";
import type { Choices } from "../shared/choices";
import type { Environment, Socket } from "../shared/connection";
import type { Host, HttpAnswer } from "../shared/host";
import { CARD_FIELDS, type CardCall, type Person, type WidgetMessage } from "../shared/messages";
import type { Channel, Locks, TabMessage } from "../shared/tabs";
import "../shared/words/all";

// A running widget listens to more of the window's events than Node.js expects of one signal.
setMaxListeners(50);

const window = new Window({ url: "https://example.amocrm.ru/contacts/list/" });
Object.assign(globalThis, {
  window,
  document: window.document,
  HTMLElement: window.HTMLElement,
  HTMLAnchorElement: window.HTMLAnchorElement,
  Text: window.Text,
  getComputedStyle: window.getComputedStyle.bind(window),
  sessionStorage: window.sessionStorage,
});

/** Lets promises that are ready run. */
export const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

export function aCall(fields: Partial<CardCall> = {}): CardCall {
  return {
    id: "office:1",
    direction: "inbound",
    state: "ringing",
    number: "+7 916 123-45-67",
    raw_number: "+79161234567",
    client_extension: null,
    started_at: 1000,
    answered_at: null,
    ended_at: null,
    line: "+7 495 000-00-00",
    line_name: null,
    extension: "101",
    person: null,
    persons_count: 0,
    persons: [],
    listed: null,
    campaign: null,
    chosen_by: null,
    next_task: null,
    fields: [...CARD_FIELDS],
    last_calls: [],
    is_looked_up: true,
    can_create: false,
    create_kind: "contact",
    can_create_deal: false,
    disposition: null,
    rings_since: null,
    result: null,
    failure: null,
    is_own: false,
    can_hang_up: true,
    held_since: null,
    colleague: null,
    came: null,
    ...fields,
  };
}

export function aPerson(fields: Partial<Person> = {}): Person {
  return {
    id: "55",
    kind: "contact",
    name: "Иван Петров",
    url: "/contacts/detail/55",
    company: null,
    responsible: { id: "1", name: "Анна Ким" },
    emails: [],
    deals: [],
    ...fields,
  };
}

/** Answers by path: a body (200) or a whole answer; what was asked is kept. */
export function aHost(answers: Record<string, unknown> = {}, fields: Partial<Host> = {}) {
  const asked: { method: string; path: string; body: unknown }[] = [];
  const opened: string[] = [];
  const host: Host = {
    crm: "amocrm",
    backend: "https://dozvon.example.com",
    version: "0.0.0",
    language: "ru",
    managerKey: "7",
    currency: "RUB",
    async authorisedFetch(method, path, body): Promise<HttpAnswer> {
      asked.push({ method, path, body });
      const answer = answers[path];
      if (answer === undefined) return { status: 0, body: null };
      if (typeof answer === "object" && answer !== null && "status" in answer) return answer as HttpAnswer;
      return { status: 200, body: answer };
    },
    open: (url) => opened.push(url),
    isDark: () => false,
    otherTelephony: () => [],
    ...fields,
  };
  return { host, asked, opened };
}

export class FakeSocket implements Socket {
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  readonly sent: unknown[] = [];
  closed = false;

  constructor(
    readonly url: string,
    private readonly heard: (message: WidgetMessage) => void = () => {},
  ) {}

  send(frame: string): void {
    const message: WidgetMessage = JSON.parse(frame);
    this.sent.push(message);
    this.heard(message);
  }

  /** What was sent but for the signs of life. */
  get commands(): unknown[] {
    return this.sent.filter((message) => (message as WidgetMessage).type !== "ping");
  }

  close(): void {
    this.closed = true;
  }

  says(message: unknown): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }

  /** Opens and sends the first message, as the server does. */
  welcome(calls: CardCall[] = [], now = 1000): void {
    this.says({ type: "snapshot", now, calls, command_seconds: 4 });
  }
}

/** Time that a test turns by hand. */
export class FakeEnvironment implements Environment {
  readonly sockets: FakeSocket[] = [];
  private timers: { at: number; run: () => void }[] = [];
  /** A server that is there answers each ping; false: the network is away without a word. */
  answers = true;
  /** Timers run no sooner than this after they were set, as in a tab that has been hidden for long; milliseconds. */
  throttled = 0;

  /** `time`: milliseconds. */
  constructor(private time = 0) {}

  chance = 0.5;

  openSocket(url: string): Socket {
    const socket = new FakeSocket(url, (message) => {
      if (message.type === "ping" && this.answers) socket.says({ type: "pong" });
    });
    this.sockets.push(socket);
    return socket;
  }

  after(milliseconds: number, run: () => void): () => void {
    const timer = { at: this.time + Math.max(milliseconds, this.throttled), run };
    this.timers.push(timer);
    return () => {
      this.timers = this.timers.filter((other) => other !== timer);
    };
  }

  now(): number {
    return this.time;
  }

  random(): number {
    return this.chance;
  }

  async pass(milliseconds: number): Promise<void> {
    const until = this.time + milliseconds;
    for (;;) {
      const next = this.timers.filter((timer) => timer.at <= until).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      this.timers = this.timers.filter((timer) => timer !== next);
      this.time = next.at;
      next.run();
      await settled();
    }
    this.time = until;
  }

  get last(): FakeSocket {
    const socket = this.sockets.at(-1);
    if (!socket) throw new Error("no socket was opened");
    return socket;
  }
}

/** The browser that several tabs share: one lock at a time, and channels that hear each other. */
export class FakeBrowser {
  private holders: { name: string; held: () => Promise<void>; signal: AbortSignal }[] = [];
  private busy = false;
  private channels: (Channel & { name: string })[] = [];

  readonly locks: Locks = {
    request: (name, { signal }, held) => {
      this.holders.push({ name, held, signal });
      this.next();
      return new Promise(() => {});
    },
  };

  channel(name: string): Channel {
    const others = () => this.channels.filter((one) => one !== channel && one.name === name);
    const channel: Channel & { name: string } = {
      name,
      onmessage: null,
      postMessage(message: TabMessage) {
        for (const other of others()) other.onmessage?.({ data: structuredClone(message) });
      },
      close: () => {
        this.channels = this.channels.filter((one) => one !== channel);
      },
    };
    this.channels.push(channel);
    return channel;
  }

  private next(): void {
    const holder = this.busy ? undefined : this.holders.shift();
    if (!holder) return;
    if (holder.signal.aborted) return this.next();
    this.busy = true;
    void holder.held().then(() => {
      this.busy = false;
      this.next();
    });
  }
}

/** What a person would hear and see who looks elsewhere. */
export class FakeMeans implements AlertMeans {
  title = "Сделки";
  looked = true;
  rings = false;
  /** The sound and volume of the last ring. */
  rang = "";
  permission: NotificationPermission = "default";
  readonly notified: string[] = [];
  readonly open = new Set<string>();
  readonly choices: Choices = {
    sound: true,
    tune: "classic",
    volume: 0.5,
    notifications: true,
    offerNotifications: true,
    hotKey: true,
  };
  readonly samples: string[] = [];
  readonly ring = {
    start: (sound: string, volume: number) => {
      this.rings = true;
      this.rang = `${sound} ${volume}`;
    },
    sample: (sound: string, volume: number) => this.samples.push(`${sound} ${volume}`),
    stop: () => {
      this.rings = false;
    },
  };

  isLookedAt(): boolean {
    return this.looked;
  }

  notificationPermission(): NotificationPermission {
    return this.permission;
  }

  async askForNotifications(): Promise<void> {
    this.permission = "granted";
  }

  notify(ringing: Ringing) {
    if (this.permission !== "granted") return null;
    const words = `${ringing.heading}: ${ringing.who}`;
    this.notified.push(words);
    this.open.add(words);
    return { close: () => this.open.delete(words) };
  }

  look(): void {
    this.looked = true;
  }
}
