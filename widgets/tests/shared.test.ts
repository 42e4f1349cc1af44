import assert from "node:assert/strict";
import { test } from "node:test";
import { AbsenceView } from "../shared/absence_view";
import { makeApi } from "../shared/api";
import { CampaignPauseView } from "../shared/campaign_pause_view";
import { Clicks } from "../shared/click";
import { clock, initials, moment, money, safeUrl, talkLength } from "../shared/format";
import { readServerMessage } from "../shared/messages";
import { StatusView } from "../shared/status_view";
import { languageOf, Texts } from "../shared/texts";
import { dictionaries } from "../shared/words/all";
import { aHost, settled } from "./dom";

const texts = new Texts("ru");

test("every language has all texts, with the same placeholders", () => {
  for (const [language, dictionary] of Object.entries(dictionaries)) {
    for (const [key, words] of Object.entries(dictionaries.ru)) {
      const other = dictionary[key as keyof typeof dictionary];
      assert.ok(other?.trim(), `${language}: ${key}`);
      assert.deepEqual(other.match(/\{\w+\}/g), words.match(/\{\w+\}/g), `${language}: ${key}`);
    }
  }
});

test("a CRM's language is one of ours, else English", () => {
  const expected = { ru: "ru", "ru-RU": "ru", uk: "uk", ua: "uk", en: "en", es: "en", "": "en" };
  for (const [id, language] of Object.entries(expected)) assert.equal(languageOf(id), language);
  assert.equal(languageOf(undefined), "en");
});

test("figures for people", () => {
  assert.deepEqual([-3, 0, 65.9, 3725].map(clock), ["0:00", "0:00", "1:05", "1:02:05"]);
  assert.deepEqual(
    [42, 95, 600].map((seconds) => talkLength(seconds, texts)),
    ["42 с", "2 мин", "10 мин"],
  );
  const noon = new Date(2026, 10, 22, 12, 0).getTime() / 1000;
  assert.equal(moment(noon - 3600, noon, texts), "11:00");
  assert.equal(moment(noon - 86400, noon, texts), "вчера, 12:00");
  assert.match(moment(noon - 10 * 86400, noon, texts), /^12 нояб\., 12:00$/);
  assert.match(money(248000, "RUB", texts), /^248\s000\s₽$/);
  assert.match(money(248000, "bad; code", texts), /^248\s000$/);
  assert.deepEqual(["Иван Петров", "ООО «Ромашка»", "anna", "+7 916", "𠮷野家", ""].map(initials), [
    "ИП",
    "ОР",
    "A",
    "",
    "𠮷",
    "",
  ]);
});

test("only paths within the CRM and the web's addresses are followed", () => {
  for (const good of ["/", "/contacts/detail/5?x=1#y", "https://x.example/a", "http://127.0.0.1:8080/"]) {
    assert.equal(safeUrl(good), good);
  }
  for (const bad of [
    "//x.example",
    "/\\x.example",
    "/a b",
    "javascript:alert(1)",
    "JAVASCRIPT:x",
    "data:,x",
    "a",
    "",
    null,
    5,
  ]) {
    assert.equal(safeUrl(bad), null, String(bad));
  }
});

test("a call with less than this widget knows is still shown", () => {
  const message = readServerMessage(
    '{"type":"call_updated","call":{"id":"a","state":"ringing","person":{"name":"X"}}}',
  );
  assert.ok(message?.type === "call_updated");
  assert.equal(message.call.number, "");
  assert.deepEqual(message.call.last_calls, []);
  assert.deepEqual(message.call.person?.deals, []);
  assert.equal(readServerMessage('{"type":"call_updated","call":{"id":"a","state":"dancing"}}'), null);
  const snapshot = readServerMessage('{"type":"snapshot","now":1,"calls":[{"id":"a","state":"ended"},{"id":5},null]}');
  assert.ok(snapshot?.type === "snapshot");
  assert.deepEqual(
    snapshot.calls.map((call) => call.id),
    ["a"],
  );
});

function clicks(answer: unknown) {
  const { host, asked } = aHost({ "/api/widget/call": answer });
  const said: string[] = [];
  const time = { now: 0, online: true };
  let ids = 0;
  const events = {
    serverNow: () => 1234.5,
    calling: (number: string) => said.push(`calling ${number}`),
    refused: (code: string) => said.push(code),
  };
  const made = new Clicks(
    makeApi(host),
    events,
    () => time.now,
    () => `id-${++ids}`,
    () => time.online,
  );
  return { clicks: made, asked, said, time };
}

const ACCEPTED = { status: 202, body: { call: "c1" } };

test("the text of a phone field goes to the server as it is written", async () => {
  const { clicks: made, asked, said } = clicks(ACCEPTED);
  const text = "раб. 8 (495) 123-45-67 доб. 105, моб. 8 916 123-45-67";
  await made.dial(`${text}\n`, null);
  assert.equal((asked[0]?.body as { number: string }).number, text);
  await made.dial(text, null);
  assert.equal(asked.length, 1);
  assert.deepEqual(said, [`calling ${text}`]);
});

test("a pressed number is one request with the card's entity", async () => {
  const { clicks: made, asked, said } = clicks(ACCEPTED);
  await made.dial(" +7 (916) 123-45-67 ", { kind: "deal", id: "9" });
  const body = { number: "+7 (916) 123-45-67", entity: { kind: "deal", id: "9" }, request: "id-1", at: 1234.5 };
  assert.deepEqual(asked, [{ method: "POST", path: "/api/widget/call", body }]);
  assert.deepEqual(said, ["calling +7 (916) 123-45-67"]);
});

test("the same number within 3 s is one click, however it is written; another number is not", async () => {
  const { clicks: made, asked, time } = clicks(ACCEPTED);
  await made.dial("8 916 123 45 67", null);
  await made.dial("+7 916 123 45 67", null);
  assert.equal(asked.length, 1);
  await made.dial("+7 916 123 45 68", null);
  assert.equal(asked.length, 2);
  time.now = 3000;
  await made.dial("8 916 123 45 67", null);
  assert.equal(asked.length, 3);
});

test("a refused click shows its code and may be repeated at once; after a lost answer it may not", async () => {
  const refused = clicks({ status: 409, body: { error: { code: "no_extension", message: "x" } } });
  const lost = clicks({ status: 0, body: null });
  for (const one of [refused, lost]) {
    await one.clicks.dial("+79161234567", null);
    await one.clicks.dial("+79161234567", null);
  }
  assert.deepEqual(refused.said, ["calling +79161234567", "no_extension", "calling +79161234567", "no_extension"]);
  assert.deepEqual(lost.said, ["calling +79161234567", "network"]);
});

test("without a network no request is sent, and the next press is a new one", async () => {
  const { clicks: made, asked, said, time } = clicks(ACCEPTED);
  time.online = false;
  await made.dial("+79161234567", null);
  assert.deepEqual([asked, said], [[], ["offline"]]);
  time.online = true;
  await made.dial("+79161234567", null);
  assert.equal(asked.length, 1);
});

test("text without a number is not sent", async () => {
  const { clicks: made, asked, said } = clicks(ACCEPTED);
  for (const typed of ["", "—", "нет", "5", "1".repeat(1001)]) await made.dial(typed, null);
  assert.equal(asked.length, 0);
  assert.deepEqual(new Set(said), new Set(["bad_number"]));
});

test("an answer that is not ours is still an error with a code", async () => {
  for (const [answer, code] of [
    [{ status: 502, body: null }, "internal"],
    [{ status: 401, body: "<html>" }, "auth_failed"],
    [{ status: 200, body: null }, "internal"],
  ]) {
    const { clicks: made, said } = clicks(answer);
    await made.dial("+79161234567", null);
    assert.equal(said.at(-1), code);
  }
});

test("the settings window shows the extension, or says that none is assigned", async () => {
  const status = {
    manager: { id: "7", name: "<b>Анна</b>" },
    extension: "101",
    pbx: "connected",
    crm: "connected",
    version: "1",
    problems: [],
  };
  const problems = [
    { code: "no_extension", text: "server's words" },
    { code: "from_the_future", text: "Новая беда", url: "javascript:alert(1)" },
    { code: "crm_reauth", text: "withdrawn", url: "https://dozvon.example.com/admin/office/connect" },
  ];
  let links: (string | null)[] = [];
  const view = async (answer: unknown) => {
    const { host } = aHost({ "/api/widget/status": answer });
    const made = new StatusView(makeApi(host), texts, host.backend, () => {});
    await made.refresh();
    await settled();
    const root = made.element.shadowRoot as ShadowRoot;
    assert.equal(root.querySelector("b"), null);
    links = [...root.querySelectorAll("a")].map((link) => link.getAttribute("href"));
    return root.querySelector(".status")?.textContent ?? "";
  };
  const fine = await view(status);
  for (const word of ["Всё работает", "101", "<b>Анна</b>", "подключено", "dozvon.example.com"])
    assert.ok(fine.includes(word), word);
  const wrong = await view({ ...status, extension: null, crm: "reauth", problems });
  for (const word of ["вам не назначен внутренний номер", "Попросите администратора", "Новая беда", "снова"]) {
    assert.ok(wrong.includes(word), word);
  }
  assert.deepEqual(links, ["https://dozvon.example.com/admin/office/connect"]);
  for (const [crm, words] of [
    ["unpaid", "подписка CRM закончилась"],
    ["blocked", "временно блокирует"],
    ["slowed", "с задержкой"],
  ] as const) {
    const said = await view({ ...status, crm, problems: [{ code: `crm_${crm}`, text: "server's words" }] });
    assert.ok(said.includes(words) && !said.includes("server's words"), said);
  }
  assert.ok((await view({ status: 0, body: null })).includes("Сервер Dozvon не отвечает"));
});

test("a manager says that they are away, and back; what an administrator has said stays", async () => {
  let answer: unknown = { absence: { by: "manager", until: null } };
  const sent: unknown[] = [];
  const { host } = aHost({});
  const asking = {
    ...host,
    authorisedFetch: async (_method: string, path: string, body?: unknown) => {
      sent.push([path, body]);
      return answer as never;
    },
  };
  const ok = (absence: unknown) => ({ status: 200, body: { absence } });
  const view = new AbsenceView(makeApi(asking), texts, () => new Date(2026, 10, 30, 23, 30));
  const labels = () => [...view.element.querySelectorAll("button")].map((button) => button.textContent);
  const press = async (label: string) => {
    [...view.element.querySelectorAll("button")].find((button) => button.textContent === label)?.click();
    await settled();
  };
  view.show(null);
  assert.deepEqual(labels(), ["15 мин", "1 час", "до конца дня", "пока не вернусь"]);
  answer = ok({ by: "manager", until: new Date(2026, 10, 30, 23, 59).getTime() / 1000 });
  await press("до конца дня");
  assert.deepEqual(sent.pop(), ["/api/widget/absence", { away: true, seconds: 1800 }]);
  assert.ok(view.element.textContent?.includes("Вы отмечены отсутствующим до 23:59"));
  answer = { status: 0, body: null };
  await press("Я на месте");
  assert.deepEqual(sent.pop(), ["/api/widget/absence", { away: false }]);
  assert.ok(view.element.textContent?.includes("Сервер Dozvon не отвечает"));
  assert.ok(view.element.textContent?.includes("до 23:59"), "nothing is claimed that was not stored");
  answer = ok(null);
  await press("Я на месте");
  assert.ok(view.element.textContent?.includes("Звонки клиентов приходят вам"));
  answer = ok({ by: "administrator", until: new Date(2026, 11, 1, 9, 0).getTime() / 1000 });
  await press("пока не вернусь");
  assert.deepEqual(sent.pop(), ["/api/widget/absence", { away: true, seconds: null }]);
  assert.match(view.element.textContent ?? "", /Администратор отметил вас отсутствующим до 1 декабря.* 09:00/);
  assert.deepEqual(labels(), []);
});

test("who works for campaigns pauses them and goes on; a supervisor's pause stays", async () => {
  let answer: unknown = { status: 404, body: null };
  const sent: unknown[] = [];
  const { host } = aHost({});
  const asking = {
    ...host,
    authorisedFetch: async (method: string, path: string, body?: unknown) => {
      sent.push([method, path, body]);
      return answer as never;
    },
  };
  const ok = (pause: unknown, at_work = true) => ({ status: 200, body: { pause, at_work } });
  const view = new CampaignPauseView(makeApi(asking), texts);
  const labels = () => [...view.element.querySelectorAll("button")].map((button) => button.textContent);
  const press = async () => {
    view.element.querySelector("button")?.click();
    await settled();
  };
  await view.load();
  assert.ok(view.element.hidden, "a server of an earlier release");
  answer = ok(null, false);
  await view.load();
  assert.ok(view.element.hidden, "no campaign calls for this manager");
  answer = ok(null);
  await view.load();
  assert.deepEqual([view.element.hidden, labels()], [false, ["Пауза в обзвонах"]]);
  const since = new Date(2026, 10, 30, 14, 5).getTime() / 1000;
  answer = ok({ by: "Анна", since, own: true });
  await press();
  assert.deepEqual(sent.pop(), ["POST", "/api/widget/campaign-pause", { paused: true }]);
  assert.match(view.element.textContent ?? "", /Вы на паузе в обзвонах с 30 ноября.* 14:05/);
  answer = { status: 0, body: null };
  await press();
  assert.deepEqual(sent.pop(), ["POST", "/api/widget/campaign-pause", { paused: false }]);
  assert.ok(view.element.textContent?.includes("Сервер Dozvon не отвечает"));
  assert.deepEqual(labels(), ["Продолжить обзвоны"], "nothing is claimed that was not stored");
  answer = ok({ by: "Ольга", since, own: false });
  await press();
  assert.ok(view.element.textContent?.endsWith(": Ольга"));
  assert.deepEqual(labels(), []);
});
