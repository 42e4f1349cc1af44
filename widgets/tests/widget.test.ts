import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { floating } from "../shared/floating";
import { ownListView } from "../shared/own_list_view";
import type { Locks } from "../shared/tabs";
import { startWidget, type Widget } from "../shared/widget";
import { aCall, aHost, aPerson, FakeBrowser, FakeEnvironment, FakeMeans, settled } from "./dom";

const running: Widget[] = [];
afterEach(() => {
  for (const widget of running.splice(0)) widget.stop();
  sessionStorage.clear();
});

/** One more tab of the browser; `card` reads what it shows. */
async function openTab(
  browser: FakeBrowser,
  locks: Locks | undefined = browser.locks,
  otherTelephony: () => string[] = () => [],
) {
  let tickets = 0;
  const { host, asked } = aHost({ "/api/widget/call": { status: 202, body: { call: "c" } } }, { otherTelephony });
  const fetch = host.authorisedFetch.bind(host);
  host.authorisedFetch = async (method, path, body) =>
    path === "/api/widget/session"
      ? { status: 200, body: { ticket: String(++tickets), expires_in: 60, version: "1" } }
      : fetch(method, path, body);
  const environment = new FakeEnvironment(1_000_000);
  const means = new FakeMeans();
  const before = new Set(document.querySelectorAll(".dozvon-widget"));
  const surroundings = {
    environment,
    locks,
    channel: (name: string) => browser.channel(name),
  };
  const widget = startWidget(host, { floating: { ...floating, means: () => means }, list: ownListView }, surroundings);
  running.push(widget);
  await settled();
  const element = [...document.querySelectorAll<HTMLElement>(".dozvon-widget")].find((one) => !before.has(one));
  assert.ok(element);
  const root = element.shadowRoot as ShadowRoot;
  return {
    widget,
    environment,
    means,
    asked,
    element,
    root,
    names: () => [...root.querySelectorAll(".call .name")].map((name) => name.textContent),
    inSight: () => !element.classList.contains("elsewhere"),
    says: (event: "offline" | "online" | "focus" | "blur") =>
      window.dispatchEvent(new window.Event(event) as unknown as Event),
    notices: () => [...root.querySelectorAll(".notice span")].map((one) => one.textContent),
    trouble: () => !root.querySelector<HTMLElement>(".trouble")?.hidden,
    timer: () => root.querySelector(".call .timer")?.textContent,
    press: (selector: string) => root.querySelector<HTMLElement>(selector)?.click(),
    close() {
      widget.stop();
      running.splice(running.indexOf(widget), 1);
    },
  };
}

const petrov = () => aCall({ person: aPerson(), persons_count: 1 });

test("two tabs hold one socket, and both know the call", async () => {
  const browser = new FakeBrowser();
  const [first, second] = [await openTab(browser), await openTab(browser)];
  first.environment.last.welcome([petrov()]);
  assert.equal(second.environment.sockets.length, 0);
  assert.deepEqual(first.names(), ["Иван Петров"]);
  assert.deepEqual(second.names(), ["Иван Петров"]);
  first.environment.last.says({ type: "call_removed", id: "office:1", reason: "answered_elsewhere" });
  assert.deepEqual([first.names(), second.names()], [[], []]);
});

test("a tab that opens later learns the calls, and which were closed, from the leader", async () => {
  const browser = new FakeBrowser();
  const first = await openTab(browser);
  first.environment.last.welcome([petrov(), aCall({ id: "b", number: "+7 903" })]);
  first.press(".call:not(.folded) button[aria-label='Закрыть']");
  const left = first.names();
  assert.equal(left.length, 1);
  const second = await openTab(browser);
  assert.deepEqual(second.names(), left);
  assert.equal(second.environment.sockets.length, 0);
});

test("the card is visible only in the tab that was used last", async () => {
  const browser = new FakeBrowser();
  const [first, second] = [await openTab(browser), await openTab(browser)];
  first.widget.dial("+79161234567", null);
  assert.deepEqual([first.inSight(), second.inSight()], [true, false]);
  second.widget.dial("+79161234567", null);
  assert.deepEqual([first.inSight(), second.inSight()], [false, true]);
  second.close();
  assert.ok(first.inSight());
});

test("when the leading tab closes another one connects and catches up", async () => {
  const browser = new FakeBrowser();
  const [first, second] = [await openTab(browser), await openTab(browser)];
  first.environment.last.welcome([petrov()]);
  const old = first.environment.last;
  first.close();
  await settled();
  assert.ok(old.closed);
  assert.equal(second.environment.sockets.length, 1);
  assert.deepEqual(second.names(), ["Иван Петров"]);
  second.environment.last.welcome([]);
  assert.deepEqual(second.names(), []);
});

test("without Web Locks each tab connects for itself", async () => {
  const browser = new FakeBrowser();
  const none = { locks: undefined };
  const tabs = [];
  for (let i = 0; i < 2; i++) {
    const saved = browser.locks;
    Object.assign(browser, none);
    tabs.push(await openTab(browser));
    Object.assign(browser, { locks: saved });
  }
  assert.deepEqual(
    tabs.map((tab) => tab.environment.sockets.length),
    [1, 1],
  );
});

test("where the browser forbids locks each page connects for itself, and one that was closed does not", async () => {
  const forbidden: Locks = { request: () => Promise.reject(new Error("SecurityError")) };
  const tab = await openTab(new FakeBrowser(), forbidden);
  assert.equal(tab.environment.sockets.length, 1);
  const waiting: Locks = {
    request: (_name, { signal }) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal))),
  };
  const closed = await openTab(new FakeBrowser(), waiting);
  closed.close();
  await settled();
  assert.equal(closed.environment.sockets.length, 0);
});

test("a card is closed or minimised in every tab, and a late update does not bring it back", async () => {
  const browser = new FakeBrowser();
  const [first, second] = [await openTab(browser), await openTab(browser)];
  first.environment.last.welcome([petrov()]);
  second.press("button[aria-label='Свернуть']");
  assert.ok(first.root.querySelector<HTMLElement>(".stack")?.hidden);
  second.press("button[aria-label='Закрыть']");
  first.environment.last.says({ type: "call_updated", call: { ...petrov(), state: "talking", answered_at: 1005 } });
  assert.deepEqual([first.names(), second.names()], [[], []]);
});

test("hanging up in another tab goes through the leading one, with the shown state and the server's clock", async () => {
  const browser = new FakeBrowser();
  const [first, second] = [await openTab(browser), await openTab(browser)];
  first.environment.last.welcome([petrov()], 5000);
  await second.environment.pass(2_500);
  second.press("button.danger");
  const [sent] = first.environment.last.commands as { id: string }[];
  assert.deepEqual(sent, { type: "hang_up", call: "office:1", id: sent?.id, seen: "ringing", at: 5002.5 });
  first.environment.last.says({ type: "received", id: sent?.id });
  await second.environment.pass(60_000);
  assert.deepEqual([first.notices(), second.notices()], [[], []]);
});

test("timers use the server's clock", async () => {
  const tab = await openTab(new FakeBrowser());
  tab.environment.last.welcome([petrov()], 1065);
  assert.equal(tab.root.querySelector(".call .timer")?.textContent, "1:05");
});

test("a manager without an extension gets one message, in our words", async () => {
  const tab = await openTab(new FakeBrowser());
  tab.environment.last.welcome();
  for (let i = 0; i < 2; i++) tab.environment.last.says({ type: "notice", code: "no_extension", text: "x" });
  const notices = [...tab.root.querySelectorAll(".notice")].map((one) => one.textContent);
  assert.equal(notices.length, 1);
  assert.match(notices[0] ?? "", /не назначен внутренний номер/);
});

test("a server's orderly close is reported only with a call on the screen and if it does not come back soon", async () => {
  const tab = await openTab(new FakeBrowser());
  tab.environment.last.welcome([petrov()]);
  tab.environment.last.onclose?.({ code: 1012 });
  await tab.environment.pass(3_000);
  assert.equal(tab.trouble(), false);
  await tab.environment.pass(1_000);
  assert.equal(tab.trouble(), true);
  tab.environment.last.welcome([petrov()]);
  assert.equal(tab.trouble(), false);
});

test("a silently lost network is noticed within ten seconds, and the timers stop", async () => {
  const tab = await openTab(new FakeBrowser());
  tab.environment.last.welcome([{ ...petrov(), state: "talking", answered_at: 990 }]);
  await tab.environment.pass(60_000);
  assert.equal(tab.trouble(), false);
  tab.environment.answers = false;
  await tab.environment.pass(10_000);
  assert.equal(tab.trouble(), true);
  assert.match(tab.root.querySelector(".trouble")?.textContent ?? "", /Нет связи с Dozvon: данные могут отставать/);
  assert.ok(tab.root.querySelector(".panel.stale"));
});

test("every tab shows at once what the browser reports of the network, and connects as soon as it is back", async () => {
  const browser = new FakeBrowser();
  const [first, second] = [await openTab(browser), await openTab(browser)];
  first.environment.last.welcome([petrov()]);
  for (const tab of [second, first]) tab.says("offline");
  assert.deepEqual([first.trouble(), second.trouble()], [true, true]);
  assert.equal(first.environment.sockets.length, 1);
  assert.ok(first.environment.last.closed, "nothing may be left in it for later");
  first.says("online");
  await settled();
  first.environment.last.welcome([petrov()]);
  assert.deepEqual([first.trouble(), second.trouble(), first.environment.sockets.length], [false, false, 2]);
});

test("a press without a connection is refused at once, and nothing is sent later", async () => {
  const browser = new FakeBrowser();
  const [first, second] = [await openTab(browser), await openTab(browser)];
  first.environment.last.welcome([petrov()]);
  first.environment.last.onclose?.({ code: 1006 });
  for (const tab of [first, second]) {
    tab.press("button.danger");
    assert.match(tab.notices().join(), /Нет связи с Dozvon: команда не отправлена/);
  }
  await first.environment.pass(2_000);
  first.environment.last.welcome([petrov()]);
  await first.environment.pass(60_000);
  assert.deepEqual(
    first.environment.sockets.flatMap((socket) => socket.commands),
    [],
  );
});

test("an unconfirmed press is reported, and the connection is dropped", async () => {
  const tab = await openTab(new FakeBrowser());
  const socket = tab.environment.last;
  socket.welcome([petrov()]);
  tab.press("button.danger");
  tab.press("button.danger");
  assert.equal(socket.commands.length, 1, "a nervous hand is one press");
  await tab.environment.pass(3_999);
  assert.deepEqual(tab.notices(), []);
  await tab.environment.pass(1);
  assert.match(tab.notices().join(), /не подтвердил команду/);
  assert.ok(socket.closed);
  assert.equal(tab.trouble(), true);
});

test("a server of an earlier release, which does not confirm, is not doubted", async () => {
  const tab = await openTab(new FakeBrowser());
  tab.environment.last.says({ type: "snapshot", now: 1000, calls: [petrov()] });
  tab.press("button.danger");
  await tab.environment.pass(4_000);
  assert.deepEqual([tab.notices(), tab.trouble()], [[], false]);
});

test("a call in a background tab alerts in one tab: title, ring, notification", async () => {
  const browser = new FakeBrowser();
  const tabs = [await openTab(browser), await openTab(browser), await openTab(browser)];
  for (const tab of tabs) Object.assign(tab.means, { looked: false, permission: "granted" });
  const calling = () => tabs.map((tab) => [tab.means.rings, tab.means.title, [...tab.means.open]]);
  const quiet = [false, "Сделки", []];
  const called = [true, "☎ Иван Петров · Входящий звонок", ["Входящий звонок: Иван Петров"]];
  tabs[0]?.environment.last.welcome([petrov()]);
  assert.deepEqual(calling(), [quiet, quiet, called], "the one that was looked at last");
  tabs[1]?.widget.dial("101", null);
  assert.deepEqual(calling(), [quiet, called, quiet]);
  tabs[1]?.close();
  assert.deepEqual(calling(), [called, quiet, quiet], "nobody is known to look: the one with the connection");
  tabs[0]?.environment.last.says({ type: "call_updated", call: { ...petrov(), line: "другая" } });
  assert.equal(tabs[0]?.means.notified.length, 1, "once for a call");
  const talk = { ...petrov(), state: "talking", answered_at: 1005 };
  tabs[0]?.environment.last.says({ type: "call_updated", call: talk });
  assert.deepEqual(calling(), [quiet, quiet, quiet]);
});

test("a visible call does not alert; leaving the tab starts the alert, returning ends it", async () => {
  const tab = await openTab(new FakeBrowser());
  tab.means.permission = "granted";
  tab.environment.last.welcome([petrov()]);
  assert.deepEqual([tab.means.rings, tab.means.title], [false, "Сделки"]);
  tab.means.looked = false;
  tab.says("blur");
  assert.ok(tab.means.rings);
  tab.means.title = "(3) Сделки"; // the CRM's own doing meanwhile
  tab.environment.last.says({ type: "call_updated", call: { ...petrov(), persons_count: 2 } });
  assert.match(tab.means.title, /^☎ Иван Петров/);
  tab.means.looked = true;
  tab.says("focus");
  assert.deepEqual([tab.means.rings, tab.means.title, tab.means.open.size], [false, "(3) Сделки", 0]);
});

test("no alert for the manager's own call, a closed card, or a call that only rings at a colleague", async () => {
  const tab = await openTab(new FakeBrowser());
  tab.means.looked = false;
  tab.environment.last.welcome([{ ...petrov(), direction: "outbound", is_own: true }]);
  assert.equal(tab.means.rings, false);
  tab.environment.last.welcome([petrov()]);
  assert.equal(tab.means.rings, true);
  tab.press(".call:not(.folded) button[aria-label='Закрыть']");
  assert.equal(tab.means.rings, false);
});

test("the ring can be switched off, in the card, and the choice is kept", async () => {
  const tab = await openTab(new FakeBrowser());
  tab.means.looked = false;
  tab.environment.last.welcome([petrov()]);
  const button = tab.root.querySelector<HTMLElement>("button.sound");
  assert.equal(button?.getAttribute("aria-label"), "Выключить звук звонка");
  button?.click();
  assert.deepEqual([tab.means.rings, tab.means.choices.sound], [false, false]);
  assert.match(tab.means.title, /^☎/);
  assert.equal(button?.getAttribute("aria-label"), "Включить звук звонка");
  button?.click();
  assert.deepEqual([tab.means.rings, tab.means.choices.sound], [true, true]);
});

test("our button offers notifications, and a refusal is remembered", async () => {
  for (const [answer, permission, offered] of [
    ["main", "granted", true],
    ["", "default", false],
  ] as const) {
    const tab = await openTab(new FakeBrowser());
    const offer = () => tab.root.querySelector<HTMLElement>(".offer");
    assert.ok(offer()?.hidden, "never by itself");
    tab.environment.last.welcome([petrov()]);
    assert.equal(offer()?.hidden, false);
    tab.press(answer ? ".offer button.main" : ".offer button:not(.main)");
    await settled();
    assert.ok(offer()?.hidden);
    assert.deepEqual([tab.means.permission, tab.means.choices.offerNotifications], [permission, offered]);
    tab.environment.last.welcome([petrov(), aCall({ id: "b" })]);
    assert.ok(offer()?.hidden);
    tab.close();
  }
});

test("a half-typed contact survives whatever happens to the call and the connection", async () => {
  const browser = new FakeBrowser();
  const [first, second] = [await openTab(browser), await openTab(browser)];
  const unknown = aCall({ can_create: true });
  first.environment.last.welcome([unknown]);
  const input = () => first.root.querySelector<HTMLInputElement>(".create input");
  first.press(".create button");
  const typed = input();
  assert.ok(typed);
  typed.value = "Мар";
  const says = (message: unknown) => first.environment.last.says(message);
  const others = Array.from({ length: 8 }, (_, i) => aCall({ id: `b${i}`, started_at: 2000 + i }));
  const happenings: (() => void)[] = [
    () =>
      says({ type: "call_updated", call: { ...unknown, state: "ended", result: "answered_elsewhere", ended_at: 1 } }),
    () => says({ type: "snapshot", now: 9000, calls: others }),
    () => says({ type: "call_removed", id: unknown.id, reason: "merged" }),
    () => says({ type: "snapshot", now: 9000, calls: [] }),
    () => first.environment.last.onclose?.({ code: 1006 }),
    () => second.press(".call button[aria-label='Закрыть']"),
  ];
  for (const happens of happenings) {
    happens();
    assert.equal(input(), typed);
    assert.equal(input()?.value, "Мар");
    assert.equal(typed.closest(".folded"), null, "and it is in sight");
  }
  first.press(".call:has(.create input) button[aria-label='Закрыть']");
  assert.equal(input(), null, "the person's own wish");
});

test("the chosen client goes to the server as a press, which is confirmed", async () => {
  const tab = await openTab(new FakeBrowser());
  const persons = [
    { id: "55", kind: "contact" as const, name: "Иван Петров", company: null, responsible: null },
    { id: "7", kind: "company" as const, name: "ООО", company: null, responsible: null },
  ];
  tab.environment.last.welcome([{ ...petrov(), persons, persons_count: 2 }], 5000);
  tab.press(".disclosure");
  tab.press(".candidates li:last-child button");
  const [sent] = tab.environment.last.commands as { id: string }[];
  const person = { kind: "company", id: "7" };
  assert.deepEqual(sent, { type: "choose_person", call: "office:1", person, id: sent?.id, at: 5000 });
});

test("calling back is a click to call with the extension behind the number, and its refusal is said", async () => {
  const tab = await openTab(new FakeBrowser());
  const missed = { ...petrov(), state: "ended" as const, ended_at: 1000, result: "missed" as const };
  tab.environment.last.welcome([{ ...missed, client_extension: "105" }]);
  tab.press("button.again");
  await settled();
  const [call] = tab.asked.filter((one) => one.path === "/api/widget/call");
  const body = call?.body as { number: string; entity: unknown; at: number };
  assert.deepEqual([body.number, body.entity, body.at], ["+79161234567 доб. 105", { kind: "contact", id: "55" }, 1000]);
  assert.match(tab.notices().join(), /Набираем \+79161234567 доб. 105/);
});

test("the hot key works while it is switched on and a card is there", async () => {
  const tab = await openTab(new FakeBrowser());
  const pressed = () => {
    const event = new window.KeyboardEvent("keydown", {
      code: "KeyK",
      key: "л",
      ctrlKey: true,
      altKey: true,
      cancelable: true,
    });
    window.dispatchEvent(event as unknown as Event);
    return event.defaultPrevented;
  };
  assert.equal(pressed(), false, "no card");
  tab.environment.last.welcome([petrov()]);
  tab.means.choices.hotKey = false;
  assert.equal(pressed(), false, "switched off");
  tab.means.choices.hotKey = true;
  assert.equal(pressed(), true);
  assert.ok(tab.root.activeElement);
});

test("the chosen sound and volume ring", async () => {
  const tab = await openTab(new FakeBrowser());
  Object.assign(tab.means.choices, { tune: "marimba", volume: 0.2 });
  tab.means.looked = false;
  tab.environment.last.welcome([petrov()]);
  assert.equal(tab.means.rang, "marimba 0.2");
});

test("a second telephony in the page is said once in a tab and told to the server by one of the tabs", async () => {
  const browser = new FakeBrowser();
  const others = () => ["Other telephony"];
  const [first, second] = [
    await openTab(browser, browser.locks, others),
    await openTab(browser, browser.locks, others),
  ];
  const told = () => [first, second].map((tab) => tab.asked.filter((one) => one.path === "/api/widget/sightings"));
  await first.environment.pass(9_000);
  assert.deepEqual(told(), [[], []]);
  for (const tab of [first, second]) await tab.environment.pass(2_000);
  await second.environment.pass(9_000);
  assert.deepEqual(
    told().map((each) => each.map((one) => one.body)),
    [[{ other_telephony: ["Other telephony"] }], []],
  );
  assert.deepEqual(
    first.notices().filter((text) => text?.includes("Other telephony")),
    ["В CRM работает ещё один виджет телефонии: Other telephony. Сообщите администратору."],
  );
});
