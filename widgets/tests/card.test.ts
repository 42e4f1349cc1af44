import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { ApiError } from "../shared/api";
import { Card, type CardActions } from "../shared/card";
import { floating } from "../shared/floating";
import type { CampaignPauseAnswer, CardCall, CardField, CreateContactAnswer, StatusAnswer } from "../shared/messages";
import { type Language, Texts } from "../shared/texts";
import { aCall, aPerson, FakeMeans, settled } from "./dom";

const shown: Card[] = [];
afterEach(() => {
  for (const card of shown.splice(0)) card.destroy();
});

function aCard(actions: Partial<CardActions> = {}, language: Language = "ru") {
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
  card.show([aCall({ person, persons_count: 1, last_calls })]);
  for (const word of ["Входящий звонок", "0:10", "Иван Петров", "+7 916 123-45-67", "ООО «Ромашка»", "Анна Ким"]) {
    assert.ok(text().includes(word), word);
  }
  for (const word of ["i@r.example", "+7 495 000-00-00", "Веранда", "Переговоры", "Олег", "3 мин"]) {
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

test("where the office makes leads by hand the card offers one", () => {
  const { card, find, all } = aCard();
  card.show([aCall({ can_create: true, create_kind: "lead" })]);
  const offer = all("button").find((one) => /Создать лид/.test(one.textContent ?? ""));
  assert.ok(offer);
  offer.click();
  assert.equal(find('input[name="name"]').getAttribute("aria-label"), "Имя нового клиента");
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

test("the office's settings say which blocks are shown, and in which order", () => {
  const { card, all, text } = aCard();
  const person = aPerson({
    company: { name: "ООО «Ромашка»", url: "/companies/detail/7" },
    emails: ["i@r.example"],
    deals: [{ id: "9", name: "Веранда", url: "/leads/detail/9", stage: null, price: null }],
  });
  const last_calls = [
    { at: 900, direction: "inbound" as const, disposition: "missed" as const, talk_seconds: 0, by: null },
  ];
  const next_task = { text: "Отправить расчёт", due_at: 2000 };
  const call = aCall({ person, persons_count: 1, last_calls, next_task, line_name: "Реклама" });
  const labels = () => all(".blocks dt, .blocks h2").map((label) => label.textContent);
  card.show([call]);
  assert.deepEqual(labels(), [
    "Компания",
    "Ответственный",
    "Линия",
    "Ближайшая задача",
    "Открытые сделки",
    "Последние звонки",
    "Почта",
  ]);
  card.show([{ ...call, fields: ["deals", "line", "later" as CardField, "company", "deals"] }]);
  assert.deepEqual(labels(), ["Открытые сделки", "Линия", "Компания"]);
  card.show([{ ...call, fields: [] }]);
  assert.deepEqual(labels(), []);
  assert.match(text(), /Иван Петров.*\+7 916/s);
});

test("the line is named, with its number beside", () => {
  const { card, find } = aCard();
  card.show([aCall({ line_name: "Реклама", fields: ["line"] })]);
  assert.equal(find(".facts dd").textContent, "Реклама · +7 495 000-00-00");
  card.show([aCall({ line_name: null, fields: ["line"] })]);
  assert.equal(find(".facts dd").textContent, "+7 495 000-00-00");
});

test("the next task says until when, and that it is late as soon as it is", () => {
  const { card, clock, find, all } = aCard();
  const call = aCall({ person: aPerson(), next_task: { text: "Отправить расчёт", due_at: 1500 } });
  card.show([call]);
  assert.match(find(".task").textContent ?? "", /Отправить расчёт.*срок: /s);
  clock.now = 1501;
  card.show([call]);
  assert.match(find(".task.late").textContent ?? "", /просрочена: /);
  card.show([{ ...call, next_task: { text: "Без срока", due_at: null } }]);
  assert.equal(find(".task").textContent, "Без срока");
  card.show([{ ...call, next_task: null }]);
  assert.equal(all(".task").length, 0);
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

test("a deal is created for a known client, and the same form asks for the same deal again", async () => {
  const asked: string[][] = [];
  let requests = 0;
  const { card, find, text, pressed, root } = aCard({
    newRequest: () => `request-${++requests}`,
    createDeal: async (_call, name, request) => {
      asked.push([name, request]);
      if (asked.length === 1) throw new ApiError("network", "");
      return { deal: { id: "9", name, url: "/leads/detail/9" } };
    },
  });
  const unknown = aCall({ can_create: true });
  card.show([unknown]);
  assert.doesNotMatch(text(), /Создать сделку/);
  card.show([{ ...unknown, can_create: false, person: aPerson(), can_create_deal: true }]);
  assert.match(text(), /Создать сделку/);
  const place = () => [...root.querySelectorAll<HTMLElement>(".create")].at(-1) as HTMLElement;
  place().querySelector("button")?.click();
  const input = place().querySelector("input") as HTMLInputElement;
  assert.equal(input.value, "Сделка: Иван Петров");
  const submit = async () => {
    place()
      .querySelector("form")
      ?.dispatchEvent(new window.Event("submit", { cancelable: true }) as unknown as Event);
    await settled();
  };
  await submit();
  assert.match(text(), /Сервер Dozvon не отвечает/);
  await submit();
  assert.deepEqual(asked, [
    ["Сделка: Иван Петров", "request-1"],
    ["Сделка: Иван Петров", "request-1"],
  ]);
  assert.match(text(), /Сделка создана: Сделка: Иван Петров/);
  find(".done a").click();
  assert.deepEqual(pressed, ["open /leads/detail/9"]);
});

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

test("there is a place for note and result below a live call's body and below that of one that is over", () => {
  const { card, find } = aCard();
  const call = aCall({ person: aPerson() });
  for (const shown of [call, { ...call, state: "ended" as const, ended_at: 1009, result: "missed" as const }]) {
    card.show([shown]);
    assert.equal(find(".body").nextElementSibling?.className, "slot");
  }
});

test("the minimised card is named by what is seen on it", () => {
  const { card, find } = aCard();
  card.show([aCall({ person: aPerson() }), aCall({ id: "b", started_at: 1 })]);
  card.setMinimised(true);
  const pill = find(".pill");
  assert.equal(pill.getAttribute("aria-label"), null, "it would hide the text from who speaks it");
  assert.equal(pill.textContent, "Развернуть карточку звонка: Иван Петров0:10+1");
});
