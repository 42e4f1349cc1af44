import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { makeHost } from "../amocrm/host";
import { widgetConstructor } from "../amocrm/script";
import { chosenNumber, tickedEntities } from "../amocrm/selection";
import { settled } from "./dom";

interface Asked {
  url: string;
  method: string;
  data?: string;
}

/** amoCRM's side of the contract: constructs the widget, keeps its callbacks, answers its ajax. */
function install(status: "installed" | "install" = "installed") {
  const asked: Asked[] = [];
  let pressPhone: (data: { value?: unknown }) => void = () => {};
  const self = {
    callbacks: {} as Record<string, (...args: never[]) => unknown>,
    add_action: (type: string, run: typeof pressPhone) => {
      assert.equal(type, "phone");
      pressPhone = run;
    },
    $authorizedAjax(settings: Asked) {
      asked.push(settings);
      return {
        // biome-ignore lint/suspicious/noThenProperty: jQuery's Deferred is a thenable
        then(_done: unknown, fail: (xhr: unknown) => void) {
          const isCampaigns = settings.url.endsWith("/campaigns");
          if (isCampaigns) fail({ status: 403, responseJSON: { error: { code: "not_allowed", message: "" } } });
          else fail({ status: 409, responseJSON: { error: { code: "no_extension", message: "" } } });
        },
      };
    },
    list_selected: () => ({ count_selected: 1, selected: [{ id: 5, type: "contact", phones: ["8 916 000-00-01"] }] }),
    system: () => ({ amouser_id: 7 }),
    get_install_status: () => status,
  };
  widgetConstructor(() => ({ find: () => $body, get: () => undefined })).call(self as unknown as AmoWidget);
  return { self, asked, press: (value: unknown) => pressPhone({ value }) };
}

const place = document.createElement("div");
const $body = { find: () => $body, get: () => place } as unknown as AmoQuery;

afterEach(() => window.__dozvonStop?.());

// The browser's own means that a plain Node lacks or that would outlive a test.
Object.assign(globalThis, { WebSocket: class {} });

test("the required callbacks return true, and the others exist", async () => {
  const { self } = install();
  for (const name of ["render", "init", "bind_actions"]) assert.equal(self.callbacks[name]?.(), true, name);
  for (const name of ["settings", "advancedSettings", "onSave", "destroy", "contacts", "leads"]) {
    assert.ok(self.callbacks[name], name);
  }
  await settled();
});

test("a pressed number goes to the backend as authorised ajax, a refusal is shown", async () => {
  const { self, asked, press } = install();
  window.APP = {
    constant: () => ({ id: 7 }),
    lang_id: "ru",
    isCard: () => true,
    getBaseEntity: () => "leads",
    data: { current_card: { id: 31 } },
  } as unknown as AmoApp;
  self.callbacks.init?.();
  press("+7 (916) 000-00-02");
  await settled();
  const call = asked.find((one) => one.url === "https://dozvon.example.com/api/widget/call");
  assert.equal(call?.method, "POST");
  const { number, entity } = JSON.parse(call?.data ?? "{}");
  assert.deepEqual({ number, entity }, { number: "+7 (916) 000-00-02", entity: { kind: "deal", id: "31" } });
  const root = document.querySelector(".dozvon-widget")?.shadowRoot;
  assert.match(root?.querySelector(".notice.error")?.textContent ?? "", /не назначен внутренний номер/);
  delete window.APP;
});

test("the only contact that a manager has ticked can be called", async () => {
  const { self, asked } = install();
  self.callbacks.init?.();
  (self.callbacks.contacts as unknown as { selected(): void }).selected();
  await settled();
  document.querySelector(".dozvon-widget")?.shadowRoot?.querySelector<HTMLElement>(".call_one")?.click();
  await settled();
  const call = asked.find((one) => one.url.endsWith("/call"));
  assert.deepEqual(JSON.parse(call?.data ?? "{}").entity, { kind: "contact", id: "5" });
});

test("what is ticked are contacts, companies or deals, each once", () => {
  const ticked = [
    { id: 5, type: "contact" },
    { id: 6, type: "company" },
    { id: 5, type: "contact" },
  ];
  assert.deepEqual(tickedEntities("contacts", ticked), [
    { kind: "contact", id: "5" },
    { kind: "company", id: "6" },
  ]);
  assert.deepEqual(tickedEntities("leads", [{ id: 5 }]), [{ kind: "deal", id: "5" }]);
});

test("it runs only after installation, and stops when it is switched off or destroyed", async () => {
  const absent = install("install");
  absent.self.callbacks.init?.();
  await settled();
  assert.equal(absent.asked.length, 0);
  const { self } = install();
  self.callbacks.init?.();
  assert.equal(document.querySelectorAll(".dozvon-widget").length, 1);
  assert.equal(self.callbacks.onSave?.({ active: "N" } as never), true);
  assert.equal(document.querySelectorAll(".dozvon-widget").length, 0);
});

test("loaded twice, there is still one card", () => {
  const [old, fresh] = [install(), install()];
  old.self.callbacks.init?.();
  fresh.self.callbacks.init?.();
  assert.equal(document.querySelectorAll(".dozvon-widget").length, 1);
});

test("the settings window gets the connection's state, once", async () => {
  const { self, asked } = install();
  for (let i = 0; i < 2; i++) assert.equal(self.callbacks.settings?.($body as never), true);
  await settled();
  assert.equal(place.querySelectorAll(".dozvon-status").length, 1);
  assert.ok(asked.every((one) => one.url.endsWith("/api/widget/status") && one.method === "GET"));
});

test("a ticked deal is called at its main contact's phone", async () => {
  const pages: Record<string, unknown> = {
    "/api/v4/leads/9?with=contacts": { _embedded: { contacts: [{ id: 1 }, { id: 2, is_main: true }] } },
    "/api/v4/contacts/2": { custom_fields_values: [{ field_code: "PHONE", values: [{ value: "+7 1" }] }] },
    "/api/v4/leads/8?with=contacts": { _embedded: { contacts: [] } },
  };
  const get = async (path: string) => {
    if (!(path in pages)) throw new Error(path);
    return pages[path];
  };
  const ask = (ids: number[]) =>
    chosenNumber(
      "leads",
      ids.map((id) => ({ id })),
      get,
    );
  assert.deepEqual(await ask([9]), { number: "+7 1", entity: { kind: "deal", id: "9" } });
  assert.deepEqual(await ask([8]), { problem: "error_no_number" });
  assert.deepEqual(await ask([7]), { problem: "error_crm_offline" });
  assert.deepEqual(await ask([8, 9]), { problem: "error_select_one" });
  assert.deepEqual(await ask([]), { problem: "error_select_one" });
});

test("another active widget with an item in the menu of phone numbers is another telephony", () => {
  const listed = (name: string, call_action: string | undefined, widget_active = "Y") => ({
    params: { widget_active },
    langs: { widget: { name, call_action } },
  });
  const list = {
    ours: listed("Dozvon", "Позвонить"),
    mango: listed("Mango", "Позвонить через Mango"),
    off: listed("Sipuni", "Позвонить", "N"),
    mail: listed("Рассылки", undefined),
    broken: undefined,
  };
  window.APP = { constant: () => undefined, widgets: { list } };
  const host = makeHost({ get_settings: () => ({ widget_code: "ours" }) } as unknown as AmoWidget);
  assert.deepEqual(host.otherTelephony(), ["Mango"]);
  window.APP = { constant: () => undefined };
  assert.deepEqual(host.otherTelephony(), []);
});
