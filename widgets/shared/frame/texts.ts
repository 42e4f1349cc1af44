/** What framed pages say, by key: `words/` has it in three languages, of which a page loads its own. */

import type { ru } from "./words/ru";

export type FrameTextKey = keyof typeof ru;
export type FrameWords = Record<FrameTextKey, string>;
export type Say = (key: FrameTextKey, values?: Record<string, string | number>) => string;

export function frameTexts(words: FrameWords): Say {
  return (key, values = {}) => words[key].replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ""));
}
