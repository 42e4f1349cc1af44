import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import type { Locks } from "../shared/tabs";
import { startWidget, type Widget } from "../shared/widget";
import { aCall, aHost, aPerson, FakeBrowser, FakeEnvironment, settled } from "./dom";

const running: Widget[] = [];
afterEach(() => {
  for (const widget of running.splice(0)) widget.stop();
  sessionStorage.clear();
});

/** One more tab of the browser; `card` reads what it shows. */
async function openTab(browser: FakeBrowser, locks: Locks | undefined = browser.locks) {
  let tickets = 0;
  const { host, asked } = aHost({ "/api/widget/call": { status: 202, body: { call: "c" } } });
  const fetch = host.authorisedFetch.bind(host);
  host.authorisedFetch = async (method, path, body) =>
    path === "/api/widget/session"
      ? { status: 200, body: { ticket: String(++tickets), expires_in: 60, version: "1" } }
      : fetch(method, path, body);
  const environment = new FakeEnvironment();
  const before = new Set(document.querySelectorAll(".dozvon-widget"));
  const surroundings = { environment, locks, channel: (name: string) => browser.channel(name), now: () => 1_000_000 };
  const widget = startWidget(host, surroundings);
  running.push(widget);
  await settled();
  const element = [...document.querySelectorAll<HTMLElement>(".dozvon-widget")].find((one) => !before.has(one));
  assert.ok(element);
  const root = element.shadowRoot as ShadowRoot;
  return {
    widget,
    environment,
    asked,
    element,
    root,
    names: () => [...root.querySelectorAll(".call .name")].map((name) => name.textContent),
    inSight: () => !element.classList.contains("elsewhere"),
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

test("the card is in sight in the tab that was looked at last, and only there", async () => {
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

test("a closed or minimised card is so in every tab, and a late update does not bring it back", async () => {
  const browser = new FakeBrowser();
  const [first, second] = [await openTab(browser), await openTab(browser)];
  first.environment.last.welcome([petrov()]);
  second.press("button[aria-label='Свернуть']");
  assert.ok(first.root.querySelector<HTMLElement>(".stack")?.hidden);
  second.press("button[aria-label='Закрыть']");
  first.environment.last.says({ type: "call_updated", call: { ...petrov(), state: "talking", answered_at: 1005 } });
  assert.deepEqual([first.names(), second.names()], [[], []]);
});

test("hanging up in a tab that does not lead goes through the leader", async () => {
  const browser = new FakeBrowser();
  const [first, second] = [await openTab(browser), await openTab(browser)];
  first.environment.last.welcome([petrov()]);
  second.press("button.danger");
  assert.deepEqual(first.environment.last.sent, [{ type: "hang_up", call: "office:1" }]);
});

test("timers go by the server's clock", async () => {
  const tab = await openTab(new FakeBrowser());
  tab.environment.last.welcome([petrov()], 1065);
  assert.equal(tab.root.querySelector(".call .timer")?.textContent, "1:05");
});

test("a manager without an extension is told once, by a sentence of ours", async () => {
  const tab = await openTab(new FakeBrowser());
  tab.environment.last.welcome();
  for (let i = 0; i < 2; i++) tab.environment.last.says({ type: "notice", code: "no_extension", text: "x" });
  const notices = [...tab.root.querySelectorAll(".notice")].map((one) => one.textContent);
  assert.equal(notices.length, 1);
  assert.match(notices[0] ?? "", /не назначен внутренний номер/);
});

test("a lost link is said only when a call is on the screen and it does not come back soon", async () => {
  const tab = await openTab(new FakeBrowser());
  const trouble = () => !tab.root.querySelector<HTMLElement>(".trouble")?.hidden;
  tab.environment.last.welcome([petrov()]);
  tab.environment.last.onclose?.({ code: 1006 });
  await tab.environment.pass(3_000);
  assert.equal(trouble(), false);
  await tab.environment.pass(1_000);
  assert.equal(trouble(), true);
  tab.environment.last.welcome([petrov()]);
  assert.equal(trouble(), false);
});
