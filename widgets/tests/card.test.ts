import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { ApiError } from "../shared/api";
import { Card, type CardActions } from "../shared/card";
import type { CardCall, CreateContactAnswer } from "../shared/messages";
import { type Language, Texts } from "../shared/texts";
import { aCall, aPerson, settled } from "./dom";

const shown: Card[] = [];
afterEach(() => {
  for (const card of shown.splice(0)) card.destroy();
});

function aCard(actions: Partial<CardActions> = {}, language: Language = "ru") {
  const clock = { now: 1010 };
  const pressed: string[] = [];
  const card = new Card(new Texts(language), "RUB", () => clock.now, {
    open: (url) => pressed.push(`open ${url}`),
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
    ...actions,
  });
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
  return { card, clock, pressed, root, find, all, text };
}

const HOSTILE = [
  "<img src=x onerror=globalThis.broken=1>",
  "<script>globalThis.broken=1</script>",
  '"><svg/onload=globalThis.broken=1>',
  "{{constructor.constructor('globalThis.broken=1')()}}",
  "\u202Egnp.exe\u0000",
  "а".repeat(100_000),
  "",
];

test("a hostile name is shown as text everywhere", () => {
  for (const name of HOSTILE) {
    const { card, all, find } = aCard();
    const person = aPerson({
      name,
      company: { name, url: "/companies/detail/1" },
      responsible: { id: "1", name },
      emails: [name],
      deals: [{ id: "1", name, url: "/leads/detail/1", stage: name, price: 1 }],
    });
    const last_calls = [
      { at: 1, direction: "inbound" as const, disposition: "missed" as const, talk_seconds: 0, by: name },
    ];
    card.show([aCall({ person, persons_count: 1, line: name, number: name || "1", last_calls })]);
    assert.equal(all("img, script, iframe, svg[onload]").length, 0, name.slice(0, 40));
    assert.ok((find(".panel").textContent?.length ?? 0) < 5_000);
    assert.equal((globalThis as { broken?: number }).broken, undefined);
  }
});

test("an address outside the CRM and the web becomes plain text", () => {
  const bad = [
    "javascript:alert(1)",
    "//evil.example/",
    "/\\evil.example",
    "data:text/html,x",
    " javascript:x",
    "",
    "x",
  ];
  for (const url of bad) {
    const { card, all } = aCard();
    const deals = [{ id: "1", name: "Сделка", url, stage: null, price: null }];
    card.show([aCall({ person: aPerson({ url, company: { name: "ООО", url }, deals }), persons_count: 1 })]);
    assert.equal(all("a").length, 0, url);
  }
});

test("only one plain address becomes mailto", () => {
  const { card, all } = aCard();
  const emails = ["a@b.example", "a@b.example?bcc=c@d.example"];
  card.show([aCall({ person: aPerson({ emails }), persons_count: 1 })]);
  assert.deepEqual(
    all("a[href^='mailto:']").map((link) => link.getAttribute("href")),
    ["mailto:a@b.example"],
  );
});

test("a known caller's card shows the name, manager, deals and recent calls", () => {
  const { card, text, find, all, pressed } = aCard();
  const person = aPerson({
    company: { name: "ООО «Ромашка»", url: "/companies/detail/7" },
    emails: ["i@r.example"],
    deals: [{ id: "9", name: "Веранда", url: "/leads/detail/9", stage: "Переговоры", price: 248000 }],
  });
  const last_calls = [
    { at: 900, direction: "outbound" as const, disposition: "answered" as const, talk_seconds: 184, by: "Олег" },
  ];
  card.show([aCall({ person, persons_count: 3, last_calls })]);
  for (const word of ["Входящий звонок", "0:10", "Иван Петров", "+7 916 123-45-67", "ООО «Ромашка»", "Анна Ким"]) {
    assert.ok(text().includes(word), word);
  }
  for (const word of [
    "i@r.example",
    "+7 495 000-00-00",
    "другие карточки: 2",
    "Веранда",
    "Переговоры",
    "Олег",
    "3 мин",
  ]) {
    assert.ok(text().includes(word), word);
  }
  assert.match(find(".price").textContent ?? "", /248\s000/);
  assert.equal(all(".create button").length, 0);
  find("a.name").click();
  find("a.deal").click();
  find("button.danger").click();
  assert.deepEqual(pressed, ["open /contacts/detail/55", "open /leads/detail/9", "hang up office:1"]);
});

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

test("a withheld number offers nothing to create", () => {
  const { card, text, all } = aCard();
  card.show([aCall({ number: "", raw_number: null, can_create: true })]);
  assert.ok(text().includes("Номер скрыт"));
  assert.equal(all(".create button").length, 0);
});

test("a client who is still being looked up is no unknown caller", () => {
  const { card, text, all } = aCard();
  card.show([aCall({ is_looked_up: false })]);
  assert.ok(text().includes("Ищем клиента"));
  assert.ok(!text().includes("Неизвестный номер"));
  assert.equal(all(".create button").length, 0);
  card.show([aCall({ can_create: true })]);
  assert.ok(text().includes("Неизвестный номер"));
});

test("an unknown caller becomes a contact from the card", async () => {
  const asked: string[] = [];
  let answer: (value: CreateContactAnswer) => void = () => {};
  const createContact = (_: unknown, name: string) => {
    asked.push(name);
    return new Promise<CreateContactAnswer>((resolve) => {
      answer = resolve;
    });
  };
  const { card, find, text, pressed, clock } = aCard({ createContact });
  const call = aCall({ can_create: true });
  card.show([call]);
  assert.ok(text().includes("Неизвестный номер"));
  find(".create button").click();
  const input = find(".create input") as HTMLInputElement;
  const submit = () => find("form").dispatchEvent(new window.Event("submit", { cancelable: true }));
  submit();
  assert.ok(text().includes("Введите имя"));
  input.value = "  Мария  ";
  // The call ends and time passes: a half-filled form stays.
  clock.now = 5000;
  const over = { ...call, state: "ended" as const, ended_at: 1020, disposition: "missed" as const };
  card.show([over]);
  assert.equal((find(".create input") as HTMLInputElement).value, "  Мария  ");
  submit();
  assert.deepEqual(asked, ["Мария"]);
  assert.ok(text().includes("Сохраняем"));
  answer({ entity: { kind: "contact", id: "9", name: "Мария", url: "/contacts/detail/9" }, created: true });
  await settled();
  assert.ok(text().includes("Контакт создан"));
  find(".done a").click();
  assert.deepEqual(pressed, ["open /contacts/detail/9"]);
});

test("a contact that could not be created says why and can be tried again", async () => {
  const { card, find, text } = aCard({ createContact: () => Promise.reject(new ApiError("crm_offline", "")) });
  card.show([aCall({ can_create: true })]);
  find(".create button").click();
  (find(".create input") as HTMLInputElement).value = "Мария";
  find("form").dispatchEvent(new window.Event("submit", { cancelable: true }));
  await settled();
  assert.ok(text().includes("CRM не отвечает"));
  assert.equal((find("button[type=submit]") as HTMLButtonElement).disabled, false);
});

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
