/**
 * Calls a person to the card if nobody looks at it: by the tab's title, a ring, and a system notification.
 *
 * `widget.ts` decides which tab does it; `ring_sound.ts` makes the sound.
 */

import type { Choices } from "./choices";
import { plain } from "./format";
import type { RingSound } from "./ring_sound";

/** A call to announce. The same `id` is announced once. */
export interface Ringing {
  id: string;
  /** "Входящий звонок". */
  heading: string;
  /** Who it is, as plain text. */
  who: string;
}

export interface Shown {
  close(): void;
}

/** The browser's functions; tests pass their own. */
export interface AlertMeans {
  readonly ring: RingSound;
  readonly choices: Choices;
  title: string;
  isLookedAt(): boolean;
  notificationPermission(): NotificationPermission | "unsupported";
  askForNotifications(): Promise<void>;
  notify(ringing: Ringing, pressed: () => void): Shown | null;
  look(): void;
}

export class CallAlert {
  private ringing: Ringing | null = null;
  private ownTitle: string | null = null;
  private pageTitle = "";
  private shown: Shown | null = null;

  constructor(private readonly means: AlertMeans) {}

  /** `ringing`: the call that this tab announces; null if nothing rings, or another tab announces it. */
  update(ringing: Ringing | null): void {
    const wanted = this.means.isLookedAt() ? null : ringing;
    if (wanted?.id !== this.ringing?.id) {
      this.quiet();
      this.ringing = wanted;
      if (wanted) this.shown = this.means.notify(wanted, () => this.means.look());
    }
    this.ringing = wanted;
    const { choices } = this.means;
    if (wanted && choices.sound) this.means.ring.start(choices.tune, choices.volume);
    else this.means.ring.stop();
    this.entitle(wanted);
  }

  stop(): void {
    this.quiet();
    this.entitle(null);
    this.ringing = null;
  }

  /** Restore the page's own title, also one that the CRM has set in the meantime. */
  private entitle(ringing: Ringing | null): void {
    const { means } = this;
    if (this.ownTitle === null || means.title !== this.ownTitle) this.pageTitle = means.title;
    if (ringing) {
      this.ownTitle = `\u260E ${plain(ringing.who)} \u00B7 ${ringing.heading}`;
      if (means.title !== this.ownTitle) means.title = this.ownTitle;
      // A browser shortens white space in titles: compare with the browser's form of our title.
      this.ownTitle = means.title;
    } else if (this.ownTitle !== null) {
      if (means.title === this.ownTitle) means.title = this.pageTitle;
      this.ownTitle = null;
    }
  }

  private quiet(): void {
    this.means.ring.stop();
    this.shown?.close();
    this.shown = null;
  }
}

export function browserMeans(ring: RingSound, choices: Choices): AlertMeans {
  const supported = typeof Notification === "function";
  return {
    ring,
    choices,
    get title() {
      return document.title;
    },
    set title(title) {
      document.title = title;
    },
    isLookedAt: () => document.visibilityState === "visible" && document.hasFocus(),
    notificationPermission: () => (supported ? Notification.permission : "unsupported"),
    async askForNotifications() {
      if (supported) await Notification.requestPermission();
    },
    notify(ringing, pressed) {
      if (!supported || Notification.permission !== "granted" || !choices.notifications) return null;
      try {
        // Silent: the ring is ours, so that one switch is enough.
        const shown = new Notification(ringing.heading, {
          body: plain(ringing.who),
          tag: `dozvon:${ringing.id}`,
          silent: true,
        });
        shown.onclick = () => {
          shown.close();
          pressed();
        };
        return shown;
      } catch {
        return null; // a browser that notifies only through service workers
      }
    },
    look: () => window.focus(),
  };
}
