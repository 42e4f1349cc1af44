/** Loads the words of one language only: frames are opened again and again. */

import type { FrameWords } from "../shared/frame/texts";
import { type CardWords, type Language, learn, type SettingsWords } from "../shared/texts";

/** Of the card, before it is shown. */
export async function loadCardWords(language: Language): Promise<void> {
  learn(language, await cardWords(language));
}

/** Of the card, and of settings and lists. */
export async function loadAllWords(language: Language): Promise<void> {
  const [card, settings] = await Promise.all([cardWords(language), settingsWords(language)]);
  learn(language, { ...card, ...settings });
}

async function cardWords(language: Language): Promise<CardWords> {
  switch (language) {
    case "ru":
      return (await import("../shared/words/ru")).ru;
    case "uk":
      return (await import("../shared/words/uk")).uk;
    case "en":
      return (await import("../shared/words/en")).en;
  }
}

async function settingsWords(language: Language): Promise<SettingsWords> {
  switch (language) {
    case "ru":
      return (await import("../shared/words/settings_ru")).ru;
    case "uk":
      return (await import("../shared/words/settings_uk")).uk;
    case "en":
      return (await import("../shared/words/settings_en")).en;
  }
}

/** Of the page around it. */
export async function loadFrameWords(language: Language): Promise<FrameWords> {
  switch (language) {
    case "ru":
      return (await import("../shared/frame/words/ru")).ru;
    case "uk":
      return (await import("../shared/frame/words/uk")).uk;
    case "en":
      return (await import("../shared/frame/words/en")).en;
  }
}
