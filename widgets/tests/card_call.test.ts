/** How the card follows a call, and what its buttons do with it. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { CardCall } from "../shared/messages";
import type { Language } from "../shared/texts";
import { aCard } from "./a_card";
import { aCall, aPerson, settled } from "./dom";

test("the card follows the call: ringing, talking, ended, and leaves by itself", () => {
  const { card, clock, text, root } = aCard();
  const call = aCall({ person: aPerson(), persons_count: 1 });
  card.show([call]);
  assert.ok(root.querySelector(".call.ringing.inbound"));
  card.show([{ ...call, state: "talking", answered_at: 1010 }]);
  clock.now = 1085;
  card.show([{ ...call, state: "talking", answered_at: 1010 }]);
  assert.ok(text().includes("Разговор") && text().includes("1:15"));
  const over = {
    ...call,
    state: "ended" as const,
    answered_at: 1010,
    ended_at: 1090,
    disposition: "answered" as const,
  };
  clock.now = 1091;
  card.show([over]);
  assert.ok(text().includes("Разговор завершён") && text().includes("1:20"));
  assert.equal(root.querySelector("button.danger"), null);
  clock.now = 1103;
  card.show([over]);
  assert.equal(root.querySelectorAll(".call").length, 0);
});

test("a missed call is called missed in each language", () => {
  const words: [Language, string][] = [
    ["ru", "Пропущенный звонок"],
    ["uk", "Пропущений дзвінок"],
    ["en", "Missed call"],
  ];
  for (const [language, word] of words) {
    const { card, text, find } = aCard({}, language);
    card.show([aCall({ state: "ended", ended_at: 1005, disposition: "missed" })]);
    assert.ok(text().includes(word));
    assert.ok(find(".unseen").textContent?.includes(word));
  }
});

test("the client's extension is shown, and can be dialled during the talk", () => {
  const { card, pressed, all, text } = aCard();
  const button = () => all("button").find((one) => one.textContent === "Набрать доб. 105");
  card.show([aCall({ client_extension: "105" })]);
  assert.match(text(), /доб\. 105/);
  assert.equal(button(), undefined);
  card.show([aCall({ client_extension: "105", state: "talking", answered_at: 1005 })]);
  button()?.click();
  assert.deepEqual(pressed, [`extension of ${aCall().id}`]);
  card.show([aCall({ state: "talking", answered_at: 1005 })]);
  assert.equal(button(), undefined);
  assert.doesNotMatch(text(), /доб\./);
});

test("the button declines a ringing call, and hangs up a talk or the manager's own call", () => {
  const cases: [Partial<CardCall>, string | undefined][] = [
    [{}, "Отклонить"],
    [{ direction: "outbound", is_own: true }, "Завершить"],
    [{ state: "talking", answered_at: 1005 }, "Завершить"],
    [{ direction: "outbound" }, "Отклонить"], // a colleague's call that is handed over to me
    [{ state: "talking", answered_at: 1005, can_hang_up: false }, undefined], // somebody else has the client
    [{ state: "ended", ended_at: 1009, disposition: "missed" }, undefined],
  ];
  for (const [fields, words] of cases) {
    const { card, root } = aCard();
    card.show([aCall(fields)]);
    assert.equal(root.querySelector("button.danger")?.textContent, words);
  }
});

test("the button waits for the answer to its press", async () => {
  let answer = () => {};
  const hangUp = () =>
    new Promise<void>((resolve) => {
      answer = resolve;
    });
  const { card, find } = aCard({ hangUp });
  card.show([aCall()]);
  const button = find("button.danger") as HTMLButtonElement;
  button.click();
  assert.ok(button.disabled);
  answer();
  await settled();
  assert.ok(!button.disabled);
});

test("the result of a call is worded for this manager", () => {
  const boris = { extension: "102", name: "Борис <b>Климов</b>" };
  const cases: [Partial<CardCall>, string, string, string][] = [
    [{ result: "missed" }, "Пропущенный звонок", "Пропущений дзвінок", "Missed call"],
    [{ result: "answered_elsewhere" }, "Ответил коллега", "Відповів колега", "Answered by a colleague"],
    [
      { result: "answered_elsewhere", colleague: boris },
      "Ответил коллега: Борис <b>Климов</b>",
      "Відповів колега: Борис <b>Климов</b>",
      "Answered by Борис <b>Климов</b>",
    ],
    [{ result: "passed_on" }, "Вы не ответили", "Ви не відповіли", "You did not answer"],
    [{ result: "declined" }, "Вы отклонили звонок", "Ви відхилили дзвінок", "You declined the call"],
    [
      { result: "transferred", colleague: boris },
      "Звонок переведён: Борис <b>Климов</b>",
      "Дзвінок переведено: Борис <b>Климов</b>",
      "Transferred to Борис <b>Климов</b>",
    ],
    [
      { result: "failed", failure: "agent_noanswer", is_own: true, direction: "outbound" },
      "Вы не ответили: клиенту не звонили",
      "Ви не відповіли: клієнту не телефонували",
      "You did not pick up: the client was not called",
    ],
    [
      { result: "failed", failure: "agent_busy", is_own: true, direction: "outbound" },
      "Ваш телефон занят: клиенту не звонили",
      "Ваш телефон зайнятий: клієнту не телефонували",
      "Your phone was busy: the client was not called",
    ],
    [
      { result: "failed", failure: "of_a_later_release", is_own: true, direction: "outbound" },
      "Не дозвонились",
      "Не додзвонилися",
      "Could not get through",
    ],
    [{ result: "of_a_later_release" as CardCall["result"] }, "Звонок завершён", "Дзвінок завершено", "Call over"],
  ];
  for (const [fields, ...words] of cases) {
    for (const [place, language] of (["ru", "uk", "en"] as const).entries()) {
      const { card, find, all } = aCard({}, language);
      card.show([aCall({ state: "ended", ended_at: 1009, ...fields })]);
      assert.equal(find(".state").textContent, words[place]);
      assert.equal(all(".state b").length, 0);
    }
  }
});

test("the card names the colleague who transferred the call, and it is read out while it rings", () => {
  const { card, find } = aCard();
  const anna = { extension: "101", name: "Анна\u202E Орлова" };
  const call = aCall({ person: aPerson(), rings_since: 1008, came: { how: "transfer", from: anna } });
  card.show([call]);
  assert.equal(find(".came").textContent, `Перевод от: ${anna.name}`);
  assert.equal(find(".came bdi").textContent, anna.name);
  assert.equal(find(".unseen").textContent, "Входящий звонок: Перевод от: Анна Орлова: Иван Петров");
  assert.equal(find(".timer").textContent, "0:02", "since it rings here, not since the client called");
  card.show([{ ...call, came: { how: "consultation", from: null } }]);
  assert.equal(find(".came").textContent, "Консультация");
  card.show([{ ...call, came: { how: "teleported" as "transfer", from: null } }]);
  assert.equal(find(".call").querySelector(".came"), null);
});

test("a colleague's answer is never read out as my talk", () => {
  const { card, find } = aCard();
  const call = aCall({ person: aPerson(), persons_count: 1 });
  card.show([call]);
  const boris = { extension: "102", name: "Борис Климов" };
  card.show([{ ...call, state: "ended", result: "answered_elsewhere", colleague: boris, ended_at: 1009 }]);
  assert.equal(find(".unseen").textContent, "Ответил коллега: Борис Климов: Иван Петров");
});

test("it stays for a minute if there is something to do, and shorter if a colleague has the call", () => {
  const cases: [Partial<CardCall>, number][] = [
    [{ result: "missed", person: aPerson() }, 60],
    [{ result: "answered", can_create: true }, 60],
    [{ result: "answered", person: aPerson() }, 12],
    [{ result: "answered_elsewhere", can_create: true }, 8],
    [{ result: "passed_on" }, 8],
    [{ result: "failed", failure: "agent_busy" }, 20],
    [{ disposition: "missed" }, 60], // a server of an earlier release
  ];
  for (const [fields, seconds] of cases) {
    const { card, clock, all } = aCard();
    const call = aCall({ state: "ended", ended_at: 1010, ...fields });
    for (const [after, count] of [
      [seconds - 1, 1],
      [seconds, 0],
    ] as const) {
      clock.now = 1010 + after;
      card.show([call]);
      assert.equal(all(".call").length, count, `${JSON.stringify(fields)} after ${after} s`);
    }
  }
});

test("a client on hold is shown with the time, and read out", () => {
  const { card, find } = aCard();
  const call = aCall({ person: aPerson(), state: "talking", answered_at: 1000 });
  card.show([call]);
  assert.ok(find(".held").hidden);
  card.show([{ ...call, held_since: 1003 }]);
  assert.equal(find(".held").hidden, false);
  assert.equal(find(".held").textContent, "Клиент на удержании0:07");
  assert.equal(find(".unseen").textContent, "Клиент на удержании: Иван Петров");
  card.show([call]);
  assert.ok(find(".held").hidden);
  assert.equal(find(".unseen").textContent, "Разговор: Иван Петров");
});

test("a missed call is called back by one press, a call in vain again", () => {
  const cases: [Partial<CardCall>, string | undefined][] = [
    [{ result: "missed" }, "Перезвонить"],
    [{ result: "busy", is_own: true, direction: "outbound" }, "Позвонить снова"],
    [{ result: "failed", failure: "agent_noanswer", is_own: true, direction: "outbound" }, "Позвонить снова"],
    [{ result: "answered" }, undefined],
    [{ result: "answered_elsewhere" }, undefined],
    [{ result: "passed_on" }, undefined], // the client is still on the line
    [{ result: "missed", raw_number: null }, undefined],
  ];
  for (const [fields, words] of cases) {
    const { card, root, pressed } = aCard();
    card.show([aCall({ state: "ended", ended_at: 1009, ...fields })]);
    const button = root.querySelector<HTMLElement>("button.again");
    assert.equal(button?.textContent, words);
    button?.click();
    assert.deepEqual(pressed, words ? ["call back +79161234567"] : []);
  }
});

test("there is a place for note and result below a live call's body and below that of one that is over", () => {
  const { card, find } = aCard();
  const call = aCall({ person: aPerson() });
  for (const shown of [call, { ...call, state: "ended" as const, ended_at: 1009, result: "missed" as const }]) {
    card.show([shown]);
    assert.equal(find(".body").nextElementSibling?.className, "slot");
  }
});
