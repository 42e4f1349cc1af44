/** What the widget says, by key: `words/` has it in three languages, and a page loads those that it needs. */

import type { ru } from "./words/ru";
import type { ru as settings } from "./words/settings_ru";

export type Language = "ru" | "uk" | "en";
/** What a card needs, and what only settings, choices and lists of the CRM say, which a framed card is without. */
export type CardWords = Record<keyof typeof ru, string>;
export type SettingsWords = Record<keyof typeof settings, string>;
export type TextKey = keyof typeof ru | keyof typeof settings;
export type Dictionary = CardWords & Partial<SettingsWords>;

const known: Partial<Record<Language, Dictionary>> = {};

/** Before the first `Texts` in this language. */
export function learn(language: Language, words: Dictionary): void {
  known[language] = words;
}

export class Texts {
  private readonly words: Dictionary;

  constructor(readonly language: Language) {
    const words = known[language];
    if (!words) throw new Error(`the words in ${language} are not loaded`);
    this.words = words;
  }

  say(key: TextKey, values: Record<string, string | number> = {}): string {
    return (this.words[key] ?? "").replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ""));
  }

  has(key: string): key is TextKey {
    return Object.hasOwn(this.words, key);
  }

  /** The text for a server's stable code; `fallback` (the server's own sentence) for an unknown one. */
  problem(code: string, fallback = ""): string {
    const key = `error_${code}`;
    return (this.has(key) && this.words[key]) || fallback || this.words.error_internal;
  }
}

/** Our language for a CRM's language id; English for any other. */
export function languageOf(id: unknown): Language {
  const short = String(id ?? "")
    .slice(0, 2)
    .toLowerCase();
  if (short === "uk" || short === "ua") return "uk";
  return short === "ru" ? "ru" : "en";
}
