/** The manager's own choices in the card. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { aCard } from "./a_card";
import { aCall, settled } from "./dom";

test("in the card's choices a manager says that they are away, if the server knows of it and they have a phone", async () => {
  const { card, find, all, server } = aCard();
  card.show([aCall()]);
  const open = async () => {
    find("button.choose").click();
    await settled();
    const labels = all(".absence:not(.campaign_pause) button").map((button) => button.textContent);
    find("button.choose").click();
    return labels;
  };
  assert.deepEqual(await open(), ["15 мин", "1 час", "до конца дня", "пока не вернусь"]);
  server.status = { ...server.status, absence: { by: "manager", until: null } };
  assert.deepEqual(await open(), ["Я на месте"]);
  server.status = { ...server.status, extension: null };
  assert.deepEqual(await open(), []);
  const { absence: _, ...older } = { ...server.status, extension: "101" };
  server.status = older;
  assert.deepEqual(await open(), [], "a server of an earlier release");
});

test("sound, volume and hot key are chosen in the card; Esc gives the focus back to the button", () => {
  const { card, find, all, pressed, root, means, key } = aCard();
  card.show([aCall()]);
  const opener = find("button.choose");
  opener.focus();
  opener.click();
  assert.equal(opener.getAttribute("aria-expanded"), "true");
  const select = find(".choices select") as HTMLSelectElement;
  assert.equal(root.activeElement, select);
  const sounds = [...select.options].map((option) => option.value);
  assert.ok(sounds.length >= 4 && sounds.at(-1) === "off", "at least three sounds, and none");
  const changes = (element: HTMLElement, kind: string) =>
    element.dispatchEvent(new window.Event(kind) as unknown as Event);
  select.value = "bell";
  changes(select, "change");
  assert.deepEqual([means.choices.tune, pressed], ["bell", ["changed", "sample bell"]]);
  const range = find("input[type=range]") as HTMLInputElement;
  range.value = "80";
  changes(range, "input");
  assert.equal(means.choices.volume, 0.8);
  select.value = "off";
  changes(select, "change");
  assert.deepEqual([means.choices.sound, means.choices.tune], [false, "bell"]);
  assert.ok(([...all(".choices button")].find((one) => one.textContent === "Послушать") as HTMLButtonElement).disabled);
  assert.match(find(".choices").textContent ?? "", /Ctrl\+Alt\+K/);
  const hotKey = [...all("input[type=checkbox]")].at(-1) as HTMLInputElement;
  hotKey.checked = false;
  changes(hotKey, "change");
  assert.equal(means.choices.hotKey, false);
  key(select, "Escape");
  assert.ok(find(".choices").hidden);
  assert.equal(find(".stack").hidden, false, "the card itself stays");
  assert.equal(root.activeElement, find("button.choose"));
});

test("what the browser says about notifications is said in the choices", async () => {
  for (const [permission, words, checked] of [
    ["denied", /Браузер запретил уведомления/, null],
    ["default", /Уведомлять о звонке/, false],
    ["granted", /Уведомлять о звонке/, true],
  ] as const) {
    const { card, find, all, means } = aCard();
    means.permission = permission;
    card.show([aCall()]);
    find("button.choose").click();
    assert.match(find(".choices").textContent ?? "", words);
    const box = all(".choices input[type=checkbox]")[0] as HTMLInputElement;
    if (checked === null) continue;
    assert.equal(box.checked, checked);
    box.checked = !checked;
    box.dispatchEvent(new window.Event("change") as unknown as Event);
    await settled();
    assert.equal(means.choices.notifications, !checked);
    assert.equal(means.permission, "granted");
  }
});
