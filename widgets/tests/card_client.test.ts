/** What the card shows of the client, and what it makes of an unknown one. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiError } from "../shared/api";
import type { CardField, CreateContactAnswer } from "../shared/messages";
import { aCard } from "./a_card";
import { aCall, aPerson, settled } from "./dom";

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
    const listed = aCall({ id: "office:2", listed: { name, campaign: name } });
    card.show([aCall({ person, persons_count: 1, line: name, number: name || "1", last_calls }), listed]);
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

test("where the office makes leads by hand the card offers one", () => {
  const { card, find, all } = aCard();
  card.show([aCall({ can_create: true, create_kind: "lead" })]);
  const offer = all("button").find((one) => /Создать лид/.test(one.textContent ?? ""));
  assert.ok(offer);
  offer.click();
  assert.equal(find('input[name="name"]').getAttribute("aria-label"), "Имя нового клиента");
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

test("a client whom only a campaign's list knows has the name from there, and no card to open", () => {
  const { card, all, find } = aCard();
  const listed = { name: "Иван", campaign: "Весна" };
  card.show([aCall({ direction: "outbound", is_own: true, can_create: true, listed })]);
  assert.equal(find(".name").textContent, "Иван");
  assert.deepEqual(
    all(".sub").map((one) => one.textContent),
    ["+7 916 123-45-67", "Обзвон: Весна"],
  );
  assert.equal(all("a").length, 0);
  find(".create button").click();
  assert.equal((find(".create input") as HTMLInputElement).value, "Иван");
  card.show([aCall({ person: aPerson({ name: "+79161234567" }), persons_count: 1, listed })]);
  assert.equal(find(".name").textContent, "Иван");
  assert.equal(find(".name").getAttribute("href"), aPerson().url);
});

test("during a campaign's call the card says which one, what its list says of the client, and what to say", () => {
  const { card, all } = aCard();
  const campaign = { name: "Весна", comment: "Просил утром", script: "Добрый день!\n<b>Меня зовут Анна</b>" };
  const call = { direction: "outbound", person: aPerson(), persons_count: 1, campaign } as const;
  const texts = (selector: string) => all(selector).map((one) => one.textContent);
  card.show([aCall({ ...call, state: "talking" })]);
  assert.deepEqual(texts(".sub"), ["+7 916 123-45-67", "Обзвон: Весна"]);
  assert.deepEqual(texts(".guide h2, .guide summary"), ["Примечание из списка", "Сценарий разговора"]);
  assert.deepEqual(texts(".guide p"), ["Просил утром", "Добрый день!\n<b>Меня зовут Анна</b>"]);
  const read = all(".script")[0];
  read?.removeAttribute("open");
  card.show([aCall({ ...call, state: "talking", held_since: 1 })]);
  assert.equal(all(".script:not([open])")[0], read, "who reads or has folded a long script finds it as it was");
  card.show([aCall({ ...call, state: "ended" })]);
  assert.deepEqual(texts(".guide p"), []);
});

test("a script that somebody has folded stays so in the next calls, and another one is unfolded", () => {
  const { card, all } = aCard();
  const isOpen = (id: string, script: string) => {
    card.show([aCall({ id, direction: "outbound", campaign: { name: "Весна", comment: "", script } })]);
    return all(".script[open]").length === 1;
  };
  const press = () => (all(".script summary")[0] as HTMLElement).click();
  assert.ok(isOpen("1", "Добрый день!"));
  press();
  assert.ok(!isOpen("2", "Добрый день!"));
  assert.ok(isOpen("3", "Добрый вечер!"));
  assert.ok(!isOpen("4", "Добрый день!"));
  press();
  assert.ok(isOpen("5", "Добрый день!"));
});

test("whoever gets a campaign's client from a colleague finds the script folded, and the remark to read", () => {
  const { card, all } = aCard();
  const campaign = { name: "Весна", comment: "Просил утром", script: "Добрый день!" };
  const from = { extension: "102", name: "Борис" };
  for (const [how, open] of [
    ["transfer", 0],
    ["consultation", 0],
    ["return", 1],
  ] as const) {
    card.show([aCall({ id: how, direction: "outbound", campaign, came: { how, from } })]);
    assert.equal(all(".remark p").length, 1, how);
    assert.equal(all(".script[open]").length, open, how);
    card.show([]);
  }
});

test("a campaign without a script and an older server show none", () => {
  const { card, all } = aCard();
  card.show([aCall({ campaign: { name: "Весна", comment: "", script: "" } })]);
  assert.equal(all(".guide p").length, 0);
  const { campaign: _, ...older } = aCall();
  card.show([older]);
  assert.equal(all(".guide p").length, 0);
});

test("a client without a name in the list has their number", () => {
  const { card, find } = aCard();
  card.show([aCall({ direction: "outbound", listed: { name: "", campaign: "Весна" } })]);
  assert.equal(find(".name").textContent, "+7 916 123-45-67");
});
