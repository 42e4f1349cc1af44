/**
 * What only a card that floats over a CRM's page has: it rings and notifies, folds to a pill, has choices about
 * that, and takes what is ticked in the CRM's lists.
 *
 * A card in a frame of the CRM's is without: its script does not load this module.
 */

import { type AlertMeans, browserMeans, CallAlert } from "./alert";
import type { CardParts } from "./card";
import { browserChoices } from "./choices";
import { ChoicesView } from "./choices_view";
import styles from "./floating.css";
import { notificationOffer } from "./notification_offer";
import { Pill } from "./pill";
import { BrowserRing } from "./ring_sound";
import { SelectionView } from "./selection_view";

export interface Floating extends CardParts {
  /** `signal` aborts when the widget stops. */
  means(signal: AbortSignal): AlertMeans;
  alert(means: AlertMeans): CallAlert;
}

export const floating: Floating = {
  styles,
  means: (signal) => browserMeans(new BrowserRing(signal), browserChoices()),
  alert: (means) => new CallAlert(means),
  choices: (texts) => new ChoicesView(texts),
  selection: (texts) => new SelectionView(texts),
  pill: (texts, restore) => new Pill(texts, restore),
  offer: notificationOffer,
};
