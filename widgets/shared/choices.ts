/** A person's choices about ring, notifications and keyboard, stored in this browser for all tabs of the CRM. */

/** The sounds that `ring_sound.ts` can make. */
export const SOUNDS = ["classic", "soft", "bell", "marimba"] as const;
export type Sound = (typeof SOUNDS)[number];

export interface Choices {
  /** Whether a call rings. */
  sound: boolean;
  tune: Sound;
  /** 0 to 1. */
  volume: number;
  /** Whether a call is announced by the system's notification, where the browser allows it. */
  notifications: boolean;
  /** False: asked once, and the person does not want to be asked about notifications again. */
  offerNotifications: boolean;
  /** Whether the hot key moves the keyboard's focus to the card. */
  hotKey: boolean;
}

const NAMES = {
  sound: "dozvon.sound",
  tune: "dozvon.tune",
  volume: "dozvon.volume",
  notifications: "dozvon.notify",
  offerNotifications: "dozvon.notifications",
  hotKey: "dozvon.hotkey",
} as const;

const DEFAULT_VOLUME = 0.5;

/** Where storage is forbidden the choice lasts as long as the page. */
export function browserChoices(): Choices {
  const memory = new Map<string, string>();
  const read = (key: string) => {
    try {
      return localStorage.getItem(key) ?? memory.get(key);
    } catch {
      return memory.get(key);
    }
  };
  const write = (key: string, value: string) => {
    memory.set(key, value);
    try {
      localStorage.setItem(key, value);
    } catch {
      // Kept in memory only.
    }
  };
  return {
    get sound() {
      return read(NAMES.sound) !== "off";
    },
    set sound(on) {
      write(NAMES.sound, on ? "on" : "off");
    },
    get tune() {
      const stored = read(NAMES.tune);
      return SOUNDS.find((one) => one === stored) ?? "classic";
    },
    set tune(tune) {
      write(NAMES.tune, tune);
    },
    get volume() {
      const stored = Number.parseFloat(read(NAMES.volume) ?? "");
      return stored >= 0 && stored <= 1 ? stored : DEFAULT_VOLUME;
    },
    set volume(volume) {
      write(NAMES.volume, String(volume));
    },
    get notifications() {
      return read(NAMES.notifications) !== "off";
    },
    set notifications(on) {
      write(NAMES.notifications, on ? "on" : "off");
    },
    get offerNotifications() {
      return read(NAMES.offerNotifications) !== "no";
    },
    set offerNotifications(wanted) {
      write(NAMES.offerNotifications, wanted ? "ask" : "no");
    },
    get hotKey() {
      return read(NAMES.hotKey) !== "off";
    },
    set hotKey(on) {
      write(NAMES.hotKey, on ? "on" : "off");
    },
  };
}
