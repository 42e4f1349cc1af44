/** A person's choices about ring and notifications, stored in this browser for all tabs of the CRM. */

const SOUND = "dozvon.sound";
const OFFER = "dozvon.notifications";

export interface Choices {
  sound: boolean;
  /** False: asked once, and the person does not want to be asked about notifications again. */
  offerNotifications: boolean;
}

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
      return read(SOUND) !== "off";
    },
    set sound(on) {
      write(SOUND, on ? "on" : "off");
    },
    get offerNotifications() {
      return read(OFFER) !== "no";
    },
    set offerNotifications(wanted) {
      write(OFFER, wanted ? "ask" : "no");
    },
  };
}
