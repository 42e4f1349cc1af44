/**
 * The WebSocket to Dozvon: gets a ticket, connects, keeps alive, reconnects.
 *
 * Which tab holds it (`tabs.ts`) and what the messages mean (`calls.ts`) do not belong here.
 * Every connection begins with a fresh single-use ticket and ends the gap with the server's `snapshot`.
 */

import { type Api, ApiError } from "./api";
import { CloseCode, FromWidget, Path, readServerMessage, type ServerMessage, type WidgetMessage } from "./messages";

/** `refused`: not allowed for this manager now, tried again rarely. `outdated`: only a reload of the page helps. */
export type LinkState = "connecting" | "open" | "waiting" | "refused" | "outdated" | "closed";

export interface Socket {
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number }) => void) | null;
  send(frame: string): void;
  close(): void;
}

/** The browser's functions for a connection; tests pass their own. */
export interface Environment {
  openSocket(url: string): Socket;
  /** Runs once after this many milliseconds; the returned function cancels it. */
  after(milliseconds: number, run: () => void): () => void;
  /** Milliseconds of a monotonic clock. */
  now(): number;
  random(): number;
}

/** How often we ping the server, by this tab's timer or by another tab's (`beat`). */
export const BEAT_MS = 5_000;
// Without an answer for this time the network is away, whatever the browser reports. Counted from the ping: timers of a
// hidden tab may run once a minute, and that pause is not the server's silence.
const ANSWER_MS = 5_000;
// After this time a connection attempt that neither opens nor fails (a silent proxy) is abandoned.
const OPEN_DEADLINE_MS = 15_000;
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 60_000;
const REFUSED_WAIT_MS = 5 * 60_000;
const RARE = new Set(["integration_disabled", "not_allowed", "account_unknown"]);

export interface ConnectionEvents {
  message(message: ServerMessage): void;
  /** `sure`: the network itself is away, so the connection will not come back within a second. */
  link(state: LinkState, sure: boolean): void;
}

export class Connection {
  private socket: Socket | null = null;
  private cancelTimer: () => void = () => {};
  private cancelBeat: () => void = () => {};
  private askedAt: number | null = null; // when the unanswered ping was sent
  private failures = 0;
  private attempt = 0; // recognises the late answer of an abandoned attempt
  private state: LinkState = "closed";

  constructor(
    private readonly backend: string,
    private readonly api: Api,
    private readonly environment: Environment,
    private readonly events: ConnectionEvents,
  ) {}

  start(): void {
    if (this.state === "closed") void this.connect();
  }

  stop(): void {
    this.drop();
    this.enter("closed");
  }

  /** Somebody looks at the page or the network is back: do not wait out a long pause. */
  nudge(): void {
    if (this.state !== "waiting") return;
    this.failures = 0;
    void this.connect();
  }

  /** The browser reports no network, or a command was not confirmed: drop the open connection. */
  doubt(): void {
    if (this.state === "open" || (this.state === "connecting" && this.socket)) this.lost(1006, true);
  }

  /** Send a ping, or notice that the last one was not answered. */
  beat(): void {
    if (!this.socket || this.state !== "open") return;
    const now = this.environment.now();
    if (this.askedAt === null) {
      this.askedAt = now;
      this.send({ type: FromWidget.ping });
    } else if (now - this.askedAt >= ANSWER_MS) {
      this.lost(1006, true);
    }
  }

  /** Returns false when there is no connection: nothing is kept for later. */
  send(message: WidgetMessage): boolean {
    if (this.state !== "open" || !this.socket) return false;
    this.socket.send(JSON.stringify(message));
    return true;
  }

  private async connect(): Promise<void> {
    this.drop();
    const attempt = this.attempt;
    this.enter("connecting");
    let ticket: string;
    try {
      ticket = (await this.api.session()).ticket;
    } catch (error) {
      if (attempt === this.attempt) this.failed(error instanceof ApiError ? error.code : "internal");
      return;
    }
    if (attempt !== this.attempt) return;
    const url = `${this.backend.replace(/^http/, "ws")}${Path.socket}?ticket=${encodeURIComponent(ticket)}`;
    let socket: Socket;
    try {
      socket = this.environment.openSocket(url);
    } catch {
      // A page on https may not open ws://: the address in the archive is wrong, and only a new archive helps.
      return this.retry("refused", REFUSED_WAIT_MS);
    }
    this.socket = socket;
    this.cancelTimer = this.environment.after(OPEN_DEADLINE_MS, () => this.lost(1006));
    socket.onmessage = (event) => {
      this.askedAt = null;
      const message = readServerMessage(event.data);
      if (!message) return;
      if (message.type === "snapshot") {
        // The connection counts only now: a server that accepts and hangs up at once keeps the backoff.
        this.cancelTimer();
        this.failures = 0;
        this.enter("open");
        this.beatLater();
      }
      this.events.message(message);
    };
    socket.onclose = (event) => this.lost(event.code);
  }

  private failed(code: string): void {
    if (code === "version_mismatch") return this.enter("outdated");
    if (RARE.has(code)) return this.retry("refused", REFUSED_WAIT_MS);
    this.retry("waiting", this.backoff());
  }

  private lost(code: number, sure = false): void {
    const wasOpen = this.state === "open";
    this.drop();
    if (code === CloseCode.versionMismatch) return this.enter("outdated");
    if (code === CloseCode.refused) return this.retry("refused", REFUSED_WAIT_MS);
    // Renew a session that expired at once; a session that ends as soon as it opens is a failure.
    if (code === CloseCode.sessionOver && wasOpen) return void this.connect();
    this.retry("waiting", this.backoff(), sure);
  }

  private backoff(): number {
    const wait = Math.min(FIRST_WAIT_MS * 2 ** this.failures, LONGEST_WAIT_MS);
    this.failures = Math.min(this.failures + 1, 10);
    return wait * (0.5 + this.environment.random());
  }

  private retry(state: LinkState, milliseconds: number, sure = false): void {
    this.enter(state, sure);
    this.cancelTimer = this.environment.after(milliseconds, () => void this.connect());
  }

  private beatLater(): void {
    this.cancelBeat();
    this.cancelBeat = this.environment.after(BEAT_MS, () => {
      this.beatLater();
      this.beat();
    });
  }

  private drop(): void {
    this.attempt += 1;
    this.cancelTimer();
    this.cancelBeat();
    this.askedAt = null;
    const socket = this.socket;
    this.socket = null;
    if (!socket) return;
    socket.onmessage = socket.onclose = null;
    socket.close();
  }

  private enter(state: LinkState, sure = false): void {
    if (state === this.state) return;
    this.state = state;
    this.events.link(state, sure);
  }
}

export const browserEnvironment: Environment = {
  openSocket: (url) => new WebSocket(url) as unknown as Socket,
  after(milliseconds, run) {
    const timer = setTimeout(run, milliseconds);
    return () => clearTimeout(timer);
  },
  now: () => performance.now(),
  random: Math.random,
};
