/** A card in the page, with what it is told and what was pressed in it. Cards go after each test. */

import assert from "node:assert/strict";
import { afterEach } from "node:test";
import { ApiError } from "../shared/api";
import { Card, type CardActions } from "../shared/card";
import { floating } from "../shared/floating";
import type { CampaignPauseAnswer, StatusAnswer } from "../shared/messages";
import { type Language, Texts } from "../shared/texts";
import { FakeMeans } from "./dom";

const shown: Card[] = [];
afterEach(() => {
  for (const card of shown.splice(0)) card.destroy();
});

export function aCard(actions: Partial<CardActions> = {}, language: Language = "ru") {
  const clock = { now: 1010 };
  const pressed: string[] = [];
  const means = new FakeMeans();
  const server: { status: StatusAnswer; pause: CampaignPauseAnswer } = {
    pause: { pause: null, at_work: false },
    status: {
      manager: { id: "7", name: "Анна" },
      extension: "101",
      pbx: "connected",
      crm: "connected",
      version: "1",
      absence: null,
      problems: [],
    },
  };
  const card = new Card(
    new Texts(language),
    "RUB",
    () => clock.now,
    {
      open: (url) => pressed.push(`open ${url}`),
      preview: {
        press: async (action, campaign, entry) => {
          pressed.push(`${action} ${campaign} ${entry}`);
        },
        pause: async () => true,
        after: () => () => {},
      },
      hangUp: async (call) => {
        pressed.push(`hang up ${call.id}`);
      },
      sendExtension: async (call) => {
        pressed.push(`extension of ${call.id}`);
      },
      dismiss: (call) => pressed.push(`dismiss ${call.id}`),
      minimised: (minimised) => pressed.push(`minimised ${minimised}`),
      switchSound: () => false,
      notifications: (wanted) => pressed.push(`notifications ${wanted}`),
      createContact: () => Promise.reject(new ApiError("internal", "")),
      createDeal: () => Promise.reject(new ApiError("internal", "")),
      newRequest: () => "request-1",
      choose: async (call, one) => {
        pressed.push(`choose ${one.kind} ${one.id} of ${call.id}`);
      },
      callBack: async (call) => {
        pressed.push(`call back ${call.raw_number}`);
      },
      copy: async (text) => {
        pressed.push(`copy ${text}`);
        return true;
      },
      choosing: {
        choices: means.choices,
        notificationPermission: () => means.permission,
        askForNotifications: () => means.askForNotifications(),
        sample: () => pressed.push(`sample ${means.choices.tune}`),
        changed: () => pressed.push("changed"),
        server: {
          status: async () => server.status,
          sayAbsence: async () => ({ absence: null }),
          campaignPause: async () => server.pause,
          pauseCampaigns: async () => server.pause,
        },
      },
      ...actions,
    },
    floating,
  );
  document.body.append(card.element);
  shown.push(card);
  const root = card.element.shadowRoot as ShadowRoot;
  const find = (selector: string) => {
    const element = root.querySelector<HTMLElement>(selector);
    assert.ok(element, `${selector} is in the card`);
    return element;
  };
  const all = (selector: string) => [...root.querySelectorAll<HTMLElement>(selector)];
  const text = () => root.querySelector(".panel")?.textContent ?? "";
  const key = (place: HTMLElement, name: string) =>
    place.dispatchEvent(new window.KeyboardEvent("keydown", { key: name, bubbles: true }) as unknown as Event);
  return { card, server, clock, pressed, root, find, all, text, means, key };
}
