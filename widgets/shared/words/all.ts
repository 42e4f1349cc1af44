/** All languages at once, for a script that is one file. */

import { type CardWords, type Language, learn, type SettingsWords } from "../texts";
import { en } from "./en";
import { ru } from "./ru";
import { en as enSettings } from "./settings_en";
import { ru as ruSettings } from "./settings_ru";
import { uk as ukSettings } from "./settings_uk";
import { uk } from "./uk";

export const dictionaries: Record<Language, CardWords & SettingsWords> = {
  ru: { ...ru, ...ruSettings },
  uk: { ...uk, ...ukSettings },
  en: { ...en, ...enSettings },
};

for (const language of Object.keys(dictionaries) as Language[]) learn(language, dictionaries[language]);
