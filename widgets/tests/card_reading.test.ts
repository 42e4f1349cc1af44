/** The keyboard, screen readers, notices and the clipboard. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { aCard } from "./a_card";
import { aCall, aPerson, settled } from "./dom";

test("an update that changes nothing visible keeps the elements and the keyboard's focus", () => {
  const { card, find, root } = aCard();
  const call = aCall({ person: aPerson(), persons_count: 1 });
  card.show([call]);
  const name = find("a.name");
  name.focus();
  card.show([{ ...call, state: "talking", answered_at: 1005 }]);
  assert.equal(find("a.name"), name);
  assert.equal(root.activeElement, name);
});

test("every button has a name, and a screen reader hears each state once", () => {
  const { card, all, find } = aCard();
  const call = aCall({ person: aPerson(), persons_count: 1 });
  card.show([call]);
  for (const button of all("button:not([hidden])")) {
    assert.ok(button.getAttribute("aria-label") || button.textContent?.trim(), button.outerHTML);
  }
  const live = find(".unseen");
  assert.equal(live.getAttribute("aria-live"), "assertive");
  assert.equal(live.textContent, "Входящий звонок: Иван Петров");
  live.textContent = "";
  card.show([{ ...call, line: "другая" }]);
  assert.equal(live.textContent, "");
});

test("notices: the same one is not piled up, at most three, an error is an alert", () => {
  const { card, all } = aCard();
  for (const text of ["а", "б", "б", "<b>в</b>", "г"]) card.notice("error", text);
  assert.deepEqual(
    all(".notice span").map((notice) => notice.textContent),
    ["б", "<b>в</b>", "г"],
  );
  assert.equal(all(".notice[role=alert]").length, 3);
  all(".notice button")[0]?.click();
  assert.equal(all(".notice").length, 2);
});

test("the number is copied as it is dialled, with a confirmation; a hidden one cannot be", async () => {
  const { card, find, all, pressed } = aCard();
  card.show([aCall({ person: aPerson() })]);
  const button = find("button.copy");
  assert.equal(button.getAttribute("aria-label"), "Скопировать номер");
  button.focus();
  button.click();
  await settled();
  assert.deepEqual([pressed, find(".copied").textContent], [["copy +79161234567"], "Скопировано"]);
  for (const fields of [
    { number: "+7 916 ***-**-67", raw_number: null },
    { number: "", raw_number: null },
  ]) {
    card.show([aCall(fields)]);
    assert.equal(all("button.copy").length, 0);
  }
});

test("a number that could not be copied is not said to be", async () => {
  const { card, find } = aCard({ copy: async () => false });
  card.show([aCall()]);
  find("button.copy").click();
  await settled();
  assert.equal(find(".copied").textContent, "Не удалось скопировать");
});

test("the hot key brings the focus to the card, and back to where it was", () => {
  const { card, find, root } = aCard();
  const field = document.createElement("input");
  document.body.append(field);
  field.focus();
  assert.equal(card.takeFocus(), false, "there is nothing to go to");
  card.show([aCall({ person: aPerson() })]);
  assert.ok(card.takeFocus());
  assert.ok(root.activeElement, "in the card");
  assert.ok(card.takeFocus());
  assert.equal(document.activeElement, field);
  card.setMinimised(true);
  assert.ok(card.takeFocus());
  assert.equal(find(".stack").hidden, false);
  card.setMinimised(true, true); // Esc
  assert.equal(document.activeElement, field, "Esc returns to where the hot key was pressed");
  field.remove();
});
