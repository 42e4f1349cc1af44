/** Formats values for people: durations, moments, money, initials, safe links. No DOM. */

import type { Texts } from "./texts";

/** `65` -> `1:05`, `3725` -> `1:02:05`. Negative (clocks disagree by a moment) counts as 0. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  const two = (n: number) => String(n).padStart(2, "0");
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** Length of a past talk in words: seconds below a minute, whole minutes above. */
export function talkLength(seconds: number, texts: Texts): string {
  if (seconds < 60) return texts.say("seconds", { n: Math.round(seconds) });
  return texts.say("minutes", { n: Math.round(seconds / 60) });
}

/** A moment in the browser's zone: the time today, "yesterday" or "tomorrow" and the time, or day and month. */
export function moment(at: number, now: number, texts: Texts): string {
  const date = new Date(at * 1000);
  const time = date.toLocaleTimeString(texts.language, { hour: "2-digit", minute: "2-digit" });
  const day = new Date(now * 1000);
  if (date.toDateString() === day.toDateString()) return time;
  for (const [days, key] of [
    [-1, "yesterday"],
    [1, "tomorrow"],
  ] as const) {
    const other = new Date(now * 1000);
    other.setDate(day.getDate() + days);
    if (date.toDateString() === other.toDateString()) return `${texts.say(key)}, ${time}`;
  }
  const options: Intl.DateTimeFormatOptions = { day: "numeric", month: "short" };
  if (date.getFullYear() !== new Date(now * 1000).getFullYear()) options.year = "numeric";
  return `${date.toLocaleDateString(texts.language, options)}, ${time}`;
}

export function money(amount: number, currency: string | null, texts: Texts): string {
  const options: Intl.NumberFormatOptions = { maximumFractionDigits: 0 };
  if (currency && /^[A-Z]{3}$/.test(currency)) Object.assign(options, { style: "currency", currency });
  return new Intl.NumberFormat(texts.language, options).format(amount);
}

/** Up to two letters for the round picture; empty when the name has none. */
export function initials(name: string): string {
  const words = name.match(/\p{L}[\p{L}\p{N}]*/gu) ?? [];
  return words
    .slice(0, 2)
    .map((word) => String.fromCodePoint(word.codePointAt(0) ?? 63).toUpperCase())
    .join("");
}

/**
 * An address a card may link to: a path within the CRM, or http(s). Null for the rest (`javascript:`, `//other.host`,
 * `/\other.host`, which browsers read as another host).
 */
export function safeUrl(url: unknown): string | null {
  if (typeof url !== "string") return null;
  if (/^\/(?![/\\])[^\s\\]*$/.test(url)) return url;
  try {
    const parsed = new URL(url);
    return parsed.protocol === "https:" || parsed.protocol === "http:" ? parsed.href : null;
  } catch {
    return null;
  }
}

/** Longest foreign text in a title, a notification or an announcement. */
const LONGEST_PLAIN = 80;
// biome-ignore lint/suspicious/noControlCharactersInRegex: the function removes them
const CONTROLS = /[\u0000-\u001F\u007F\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]/g;

/** Foreign text for places without `<bdi>`: without direction marks, which would reverse the text beside it. */
export function plain(text: string): string {
  const letters = [...text.replace(CONTROLS, " ").replace(/\s+/g, " ").trim()];
  return letters.length > LONGEST_PLAIN ? `${letters.slice(0, LONGEST_PLAIN).join("")}…` : letters.join("");
}
