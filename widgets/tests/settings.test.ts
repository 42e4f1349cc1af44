/** The settings window's button that opens Dozvon, and its field for an API key. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { makeApi } from "../shared/api";
import { StatusView } from "../shared/status_view";
import { Texts } from "../shared/texts";
import { aHost, settled } from "./dom";

const texts = new Texts("ru");
const KEY = "dzv_0123456789";
const WORKS = { key: "Виджет", office: "sales", finding: "connected", url: null };
const STATUS = {
  manager: { id: "7", name: "Анна" },
  extension: "101",
  pbx: "connected",
  crm: "connected",
  version: "1",
  problems: [],
  is_admin: true,
};

async function shown(answers: Record<string, unknown>) {
  const { host, asked, opened } = aHost(answers);
  const view = new StatusView(makeApi(host), texts, host.backend, host.open);
  document.body.replaceChildren(view.element);
  await view.refresh();
  const root = view.element.shadowRoot as ShadowRoot;
  const find = <Kind extends Element>(selector: string) => root.querySelector(selector) as Kind;
  return {
    asked,
    opened,
    view,
    details: find<HTMLDetailsElement>("details.key"),
    field: find<HTMLInputElement>("details.key input"),
    said: () => find(".key [role=status]").textContent ?? "",
    links: () => [...root.querySelectorAll(".key a")].map((link) => link.getAttribute("href")),
    text: () => root.textContent ?? "",
    open: () => find<HTMLButtonElement>(".pages button"),
    async check(key: string): Promise<boolean> {
      find<HTMLInputElement>("details.key input").value = key;
      const done = view.save();
      await settled();
      return done;
    },
  };
}

const refused = (code: string) => ({ status: 401, body: { error: { code, message: "server's words" } } });

test("an administrator of the CRM opens Dozvon, others have no button", async () => {
  const url = "https://dozvon.example.com/from-crm?ticket=x";
  const window = await shown({ "/api/widget/status": STATUS, "/api/widget/pages": { url } });
  window.open().click();
  await settled();
  assert.deepEqual(window.opened, [url]);
  const other = await shown({ "/api/widget/status": { ...STATUS, is_admin: false } });
  assert.equal(other.open(), null);
  const { is_admin: _, ...older } = STATUS;
  assert.equal((await shown({ "/api/widget/status": older })).open(), null);
});

test("a refusal of the pages is said beside the button", async () => {
  const window = await shown({ "/api/widget/status": STATUS, "/api/widget/pages": refused("crm_token_used") });
  window.open().click();
  await settled();
  assert.deepEqual(window.opened, []);
  assert.match(window.text(), /Обновите страницу CRM и нажмите ещё раз/);
});

test("the key's field is folded while the CRM signs in, and open where it could not", async () => {
  assert.equal((await shown({ "/api/widget/status": STATUS })).details.open, false);
  for (const code of ["auth_failed", "account_unknown"]) {
    assert.equal((await shown({ "/api/widget/status": refused(code) })).details.open, true, code);
  }
  assert.equal((await shown({ "/api/widget/status": refused("crm_unpaid") })).details.open, false);
});

test("a key is sent once, and stays neither in the field nor in the page", async () => {
  const window = await shown({ "/api/widget/status": STATUS, "/api/widget/key": WORKS });
  assert.equal(await window.check(` ${KEY} `), true);
  const sent = window.asked.filter((one) => one.path === "/api/widget/key");
  assert.deepEqual(sent, [{ method: "POST", path: "/api/widget/key", body: { key: KEY } }]);
  assert.equal(window.field.value, "");
  assert.equal(window.text().includes(KEY), false);
  assert.match(window.said(), /Ключ действует\. Офис: sales\. Эта CRM подключена\./);
  await settled();
  assert.equal(window.asked.filter((one) => one.path === "/api/widget/status").length, 2, "the state is read again");
});

test("what the connection lacks is said with the page that mends it", async () => {
  const url = "https://dozvon.example.com/admin/setup/sales/crm";
  for (const [finding, words] of [
    ["no_crm", "ещё не введены ключи интеграции"],
    ["no_consent", "осталось разрешить доступ"],
    ["not_recognised", "не узнаёт эту CRM"],
  ] as const) {
    const window = await shown({ "/api/widget/status": STATUS, "/api/widget/key": { ...WORKS, finding, url } });
    await window.check(KEY);
    assert.ok(window.said().includes(words), window.said());
    assert.deepEqual(window.links(), [url]);
  }
  const evil = { ...WORKS, finding: "no_crm", url: "javascript:alert(1)", office: "<b>x</b>" };
  const window = await shown({ "/api/widget/status": STATUS, "/api/widget/key": evil });
  await window.check(KEY);
  assert.deepEqual(window.links(), []);
  assert.ok(window.said().includes("<b>x</b>"));
});

test("why a key does not work is said in words, and the settings are not saved with it", async () => {
  for (const [answer, words] of [
    [refused("no_key"), "начинается с dzv_"],
    [refused("key_mistyped"), "опечатка"],
    [refused("key_unknown"), "такого ключа нет"],
    [refused("key_revoked"), "отозван"],
    [refused("key_ended"), "истёк"],
    [refused("key_maker_off"), "отключён"],
    [refused("key_other_office"), "другого офиса"],
    [{ status: 0, body: null }, "не отвечает"],
  ] as const) {
    const window = await shown({ "/api/widget/status": STATUS, "/api/widget/key": answer });
    assert.equal(await window.check(KEY), false);
    assert.ok(window.said().includes(words), window.said());
    assert.equal(window.said().includes("server's words"), false);
    assert.equal(window.field.value, KEY, "to be corrected");
  }
});

test("without a key the CRM's button saves and asks nothing", async () => {
  const window = await shown({ "/api/widget/status": STATUS });
  assert.equal(await window.check("  "), true);
  assert.equal(window.asked.filter((one) => one.path === "/api/widget/key").length, 0);
});
