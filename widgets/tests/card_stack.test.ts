/** Several calls at once, and the minimised card. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { aCard } from "./a_card";
import { aCall, aPerson } from "./dom";

test("several calls are a stack: the newest open, the others one line, any can be opened", () => {
  const { card, find, all, root } = aCard();
  const first = aCall({ id: "a", state: "talking", answered_at: 1001 });
  card.show([first]);
  card.show([aCall({ id: "b", started_at: 1005, person: aPerson(), persons_count: 1 }), first]);
  assert.equal(all(".call").length, 2);
  assert.ok(root.querySelector(".call.ringing:not(.folded)"));
  find(".call.talking.folded button[aria-label='Показать подробности']").click();
  assert.ok(root.querySelector(".call.talking:not(.folded)"));
  assert.ok(root.querySelector(".call.ringing.folded"));
  card.show([first]);
  assert.equal(all(".call").length, 1);
});

test("minimised it is one button with the name and time; a new call restores it", () => {
  const { card, find, pressed } = aCard();
  const call = aCall({ person: aPerson(), persons_count: 1 });
  card.show([call]);
  find("button[aria-label='Свернуть']").click();
  assert.ok(find(".stack").hidden);
  assert.ok(find(".pill").textContent?.includes("Иван Петров"));
  find(".pill").click();
  assert.ok(!find(".stack").hidden);
  find(".panel").dispatchEvent(
    new window.KeyboardEvent("keydown", { key: "Escape", bubbles: true }) as unknown as Event,
  );
  assert.ok(find(".stack").hidden);
  card.show([call, aCall({ id: "b" })]);
  assert.ok(!find(".stack").hidden);
  assert.deepEqual(pressed, ["minimised true", "minimised false", "minimised true", "minimised false"]);
});

test("the manager's second call folds the talk only when answered, and a failed one gives the place back", () => {
  const { card, root } = aCard();
  const open = () => root.querySelector(".call:not(.folded) .number, .call:not(.folded) .name")?.textContent;
  const talk = aCall({ id: "talk", number: "talk", state: "talking", answered_at: 1001 });
  const own = aCall({ id: "own", number: "own", started_at: 1005, direction: "outbound", is_own: true });
  card.show([talk]);
  card.show([own, talk]);
  assert.equal(open(), "talk");
  const failed = { ...own, state: "ended" as const, ended_at: 1009, result: "failed" as const, failure: "agent_busy" };
  card.show([talk, failed]);
  assert.equal(open(), "talk");
  card.show([{ ...own, id: "next", number: "next" }, talk, failed]);
  card.show([{ ...own, id: "next", number: "next", state: "talking", answered_at: 1010 }, talk, failed]);
  assert.equal(open(), "next");
  card.show([talk, { ...own, id: "next", number: "next", state: "ended", ended_at: 1011, result: "answered" }]);
  assert.equal(open(), "talk", "what goes on comes before what is over");
});

test("a second call that rings is opened, and the folded talk can still be ended", () => {
  const { card, find, pressed } = aCard();
  const talk = aCall({ id: "talk", state: "talking", answered_at: 1001 });
  card.show([talk]);
  card.show([aCall({ id: "new", started_at: 1005 }), talk]);
  find(".call.ringing:not(.folded) button.danger").click();
  find(".call.talking.folded button.danger").click();
  assert.deepEqual(pressed, ["hang up new", "hang up talk"]);
});

test("the minimised card is named by what is seen on it", () => {
  const { card, find } = aCard();
  card.show([aCall({ person: aPerson() }), aCall({ id: "b", started_at: 1 })]);
  card.setMinimised(true);
  const pill = find(".pill");
  assert.equal(pill.getAttribute("aria-label"), null, "it would hide the text from who speaks it");
  assert.equal(pill.textContent, "Развернуть карточку звонка: Иван Петров0:10+1");
});
