/**
 * The hot key that moves the keyboard's focus to the card, and back to where it was.
 *
 * Ctrl+Alt+K: browsers and amoCRM leave it free, and it types nothing in Russian, Ukrainian and English layouts (where
 * AltGr counts as Ctrl+Alt, K has no third character). By the key's place, so that the layout does not matter.
 */

export const HOT_KEY = "Ctrl+Alt+K";

export function isHotKey(event: KeyboardEvent): boolean {
  return event.code === "KeyK" && event.ctrlKey && event.altKey && !event.shiftKey && !event.metaKey;
}

export const LIST_KEY = "Ctrl+Alt+L";

/** Moves the focus to the manager's own list, and back. */
export function isListKey(event: KeyboardEvent): boolean {
  return event.code === "KeyL" && event.ctrlKey && event.altKey && !event.shiftKey && !event.metaKey;
}

/** The element of a page that has the focus; null for the page itself. */
export function focusedElement(): HTMLElement | null {
  const active = document.activeElement;
  return active instanceof HTMLElement && active !== document.body ? active : null;
}
