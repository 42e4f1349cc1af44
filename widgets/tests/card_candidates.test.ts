/** Several clients with one number: one of them is chosen. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { aCard } from "./a_card";
import { aCall, aPerson, settled } from "./dom";

const twoOfThem = {
  person: aPerson(),
  persons_count: 2,
  persons: [
    { id: "55", kind: "contact" as const, name: "Иван Петров", company: "ООО «Ромашка»", responsible: "Анна Ким" },
    { id: "7", kind: "company" as const, name: "ООО «Ромашка»", company: null, responsible: null },
  ],
};

test("one of several with the number is chosen, and the card says who chose", async () => {
  const { card, find, all, pressed, text, root } = aCard();
  const call = aCall(twoOfThem);
  card.show([call]);
  const opener = () => find(".disclosure");
  assert.match(opener().textContent ?? "", /Карточек CRM с этим номером: 2/);
  assert.deepEqual([opener().getAttribute("aria-expanded"), all(".candidate").length], ["false", 0]);
  opener().click();
  assert.deepEqual(
    all(".candidate").map((one) => [one.querySelector(".names bdi")?.textContent, one.getAttribute("aria-pressed")]),
    [
      ["Иван Петров", "true"],
      ["ООО «Ромашка»", "false"],
    ],
  );
  assert.equal(root.activeElement, all(".candidate")[0], "the list has the focus");
  assert.match(all(".candidate")[0]?.textContent ?? "", /ООО «Ромашка».*Анна Ким/);
  all(".candidate")[1]?.focus();
  all(".candidate")[1]?.click();
  all(".candidate")[0]?.click(); // one press at a time
  await settled();
  assert.deepEqual(pressed, ["choose company 7 of office:1"]);
  const person = aPerson({ id: "7", kind: "company", name: "ООО «Ромашка»" });
  card.show([{ ...call, person, chosen_by: { extension: "101", name: "Анна Орлова" } }]);
  assert.deepEqual(
    all(".candidate").map((one) => one.getAttribute("aria-pressed")),
    ["false", "true"],
  );
  assert.equal(root.activeElement, all(".candidate")[1], "the focus stays on what was pressed");
  assert.match(text(), /Выбрал сотрудник: Анна Орлова/);
});

test("a lead is named as one, in its button and among those who have the number", () => {
  const { card, find, all } = aCard();
  const person = aPerson({ id: "9", kind: "lead", name: "Ольга (Заявка с сайта)", company: null });
  const lead = { id: "9", kind: "lead" as const, name: person.name, company: null, responsible: "Анна Ким" };
  const [contact] = twoOfThem.persons;
  assert.ok(contact);
  card.show([aCall({ person, persons_count: 2, persons: [lead, contact] })]);
  assert.ok(all("a.button").some((one) => one.textContent === "Открыть лид"));
  find(".disclosure").click();
  assert.match(all(".candidate")[0]?.textContent ?? "", /Лид.*Анна Ким/);
});

test("the list of candidates closes by Esc, the focus returns, and the card is not minimised", () => {
  const { card, find, all, root, key } = aCard();
  card.show([aCall(twoOfThem)]);
  find(".disclosure").click();
  key(all(".candidate")[0] as HTMLElement, "Escape");
  assert.equal(all(".candidate").length, 0);
  assert.equal(root.activeElement, find(".disclosure"));
  assert.equal(find(".stack").hidden, false);
});

test("after the call nobody can be chosen any more, and one contact alone is no choice", () => {
  const { card, all, text } = aCard();
  card.show([aCall({ ...twoOfThem, state: "ended", ended_at: 1009, result: "answered" })]);
  assert.deepEqual([all(".disclosure").length, /этим номером: 2/.test(text())], [0, true]);
  card.show([aCall({ person: aPerson(), persons_count: 1 })]);
  assert.doesNotMatch(text(), /этим номером/);
});
