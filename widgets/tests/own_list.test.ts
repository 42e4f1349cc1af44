import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import type { ListedClient, OwnListMessage } from "../shared/messages";
import { readServerMessage } from "../shared/messages";
import { OwnList, upcoming } from "../shared/own_list";
import { type OwnListActions, OwnListView } from "../shared/own_list_view";
import { Texts } from "../shared/texts";
import { settled } from "./dom";

function aClient(key: number, fields: Partial<ListedClient> = {}): ListedClient {
  return {
    key,
    name: `Клиент ${key}`,
    comment: "",
    state: "waiting",
    call: null,
    url: `/contacts/detail/${key}`,
    comment_url: null,
    numbers: [{ number: `+7 916 000-00-0${key}`, struck: null }],
    ...fields,
  };
}

function whole(clients: ListedClient[], fields: Partial<OwnListMessage> = {}): OwnListMessage {
  return {
    type: "own_list",
    revision: 1,
    base: null,
    phase: "idle",
    due_at: null,
    left_seconds: null,
    current: null,
    number: null,
    leaving: null,
    why: "",
    clients,
    order: clients.map((client) => client.key),
    script: "",
    ...fields,
  };
}

const change = (fields: Partial<OwnListMessage>) => whole([], { order: null, script: null, ...fields });

test("a difference changes what it names, in the order that it names", () => {
  const list = new OwnList();
  assert.equal(list.take(whole([aClient(1), aClient(2), aClient(3)], { script: "Добрый день" })), "changed");
  const skipped = aClient(1, { state: "skipped" });
  assert.equal(list.take(change({ revision: 2, base: 1, clients: [skipped], order: [3, 1] })), "changed");
  assert.deepEqual(
    list.state?.clients.map((client) => [client.key, client.state]),
    [
      [3, "waiting"],
      [1, "skipped"],
    ],
  );
  assert.equal(list.state?.script, "Добрый день");
});

test("what came before is the same again, and what is missing is a gap", () => {
  const list = new OwnList();
  assert.equal(list.take(change({ revision: 2, base: 1 })), "gap", "nothing is known yet");
  list.take(whole([aClient(1)], { revision: 4 }));
  assert.equal(list.take(change({ revision: 4, base: 3 })), "same");
  assert.equal(list.take(change({ revision: 6, base: 5 })), "gap");
  assert.equal(list.take(change({ revision: 5, base: 4, phase: "waiting" })), "changed");
});

test("a whole list replaces what was known, also an older one of a restored server", () => {
  const list = new OwnList();
  list.take(whole([aClient(1)], { revision: 9 }));
  list.take(whole([], { revision: 0 }));
  assert.deepEqual(list.state?.clients, []);
});

test("a tab that opens later gets the same list", () => {
  const [first, second] = [new OwnList(), new OwnList()];
  first.take(whole([aClient(2), aClient(1)], { revision: 3, script: "Добрый день" }));
  const message = first.whole();
  assert.ok(message);
  second.take(message);
  assert.deepEqual(second.state, first.state);
});

test("who has been taken is called before the others", () => {
  const list = new OwnList();
  list.take(whole([aClient(1), aClient(2, { state: "taken" })]));
  assert.equal(list.state && upcoming(list.state)?.key, 2);
});

test("what is no list is ignored", () => {
  for (const broken of [{}, { revision: 1 }, { revision: 1, clients: [], phase: "x" }, { revision: 1, clients: 5 }])
    assert.equal(readServerMessage(JSON.stringify({ type: "own_list", ...broken })), null);
});

const views: OwnListView[] = [];
afterEach(() => {
  for (const view of views.splice(0)) view.destroy();
});

function shown(message: OwnListMessage, now = 1000) {
  const pressed: unknown[] = [];
  const scripts: string[] = [];
  const later: (() => void)[] = [];
  const actions: OwnListActions = {
    press: (action, client) => pressed.push([action, client]),
    open: () => {},
    keepScript: async (script) => void scripts.push(script),
    notes: {
      read: () => new Promise(() => {}),
      save: () => new Promise(() => {}),
      conclude: () => new Promise(() => {}),
      newRequest: () => "r",
      after: (_, run) => {
        later.push(run);
        return () => later.splice(0, Number.POSITIVE_INFINITY, ...later.filter((each) => each !== run));
      },
      drafts: { get: () => null, set: () => {} },
    },
    height: () => {},
    notesOf: (call) => noted.push(call),
  };
  const noted: (string | null)[] = [];
  const view = new OwnListView(new Texts("ru"), () => now, actions);
  views.push(view);
  document.body.append(view.element);
  const list = new OwnList();
  const show = (next: OwnListMessage) => {
    list.take(next);
    if (list.state) view.show(list.state);
  };
  show(message);
  const root = view.element.shadowRoot as ShadowRoot;
  return {
    view,
    root,
    pressed,
    scripts,
    noted,
    show,
    /** The time passes in which a button that changed its meaning does nothing. */
    settle: () => {
      for (const run of later.splice(0)) run();
    },
    text: (selector: string) => root.querySelector(selector)?.textContent?.trim(),
    press: (label: string) => root.querySelector<HTMLElement>(`button[aria-label="${label}"]`)?.click(),
    rows: () => [...root.querySelectorAll<HTMLElement>("li.client")],
  };
}

test("without clients there is no panel", () => {
  assert.equal(shown(whole([])).view.element.hidden, true);
});

test("the panel says who is next and in how many seconds", () => {
  const { text, root } = shown(whole([aClient(1), aClient(2)], { phase: "waiting", due_at: 1006.2 }));
  assert.equal(text(".now"), "Следующий клиент: Клиент 1 +7 916 000-00-01");
  assert.equal(text(".left"), "звонок через 7 с");
  assert.equal(root.querySelector(".left")?.getAttribute("role"), "timer");
  const held = shown(whole([aClient(1)], { phase: "held", left_seconds: 3.5 }));
  assert.equal(held.text(".left"), "осталось 4 с");
});

test("a number that failed is struck out, with the reason", () => {
  const numbers = [
    { number: "+7 1", struck: "busy" },
    { number: "+7 2", struck: null },
  ];
  const { root, text } = shown(whole([aClient(1, { numbers })]));
  assert.deepEqual(
    [...root.querySelectorAll("s")].map((each) => each.textContent),
    ["+7 1"],
  );
  assert.equal(text(".why"), "занято");
});

test("a press does nothing while its button has just got another meaning", () => {
  const panel = shown(whole([aClient(1)], { phase: "idle" }));
  panel.press("Начать обзвон");
  panel.show(whole([aClient(1)], { revision: 2, phase: "waiting", due_at: 1005 }));
  panel.press("Остановить обзвон"); // the second press of a double click
  assert.deepEqual(panel.pressed, [["start", null]]);
  panel.settle();
  panel.press("Остановить обзвон");
  assert.deepEqual(panel.pressed.at(-1), ["stop", null]);
});

test("each button asks for what it says", () => {
  const panel = shown(whole([aClient(1), aClient(2)], { phase: "waiting", due_at: 1005 }));
  panel.press("Остановить обзвон");
  panel.press("Остановить таймер");
  panel.press("Пропустить клиента");
  panel.press("Позвонить сейчас: Клиент 2");
  panel.press("Позвонить следующим: Клиент 2");
  panel.press("Убрать из списка: Клиент 2");
  panel.show(whole([aClient(1)], { revision: 2, phase: "held", left_seconds: 3 }));
  panel.settle();
  panel.press("Запустить таймер");
  panel.show(whole([aClient(1)], { revision: 3, phase: "idle" }));
  panel.settle();
  panel.press("Начать обзвон");
  assert.deepEqual(panel.pressed, [
    ["stop", null],
    ["hold", null],
    ["skip", 1],
    ["call_now", 2],
    ["put_next", 2],
    ["remove", 2],
    ["resume", null],
    ["start", null],
  ]);
});

test("the list is cleared only after a question", () => {
  const panel = shown(whole([aClient(1)]));
  panel.press("Очистить список и закрыть");
  assert.deepEqual(panel.pressed, []);
  panel.root.querySelector<HTMLElement>(".confirm .danger")?.click();
  assert.deepEqual(panel.pressed, [["clear", null]]);
});

test("during a call nobody else is called and nobody is skipped in a talk", () => {
  const talking = whole([aClient(1, { state: "taken", call: "p:1" }), aClient(2)], {
    phase: "talking",
    current: 1,
    number: "+7 916 000-00-01",
  });
  const { root, text } = shown(talking);
  const disabled = (label: string) => root.querySelector<HTMLButtonElement>(`button[aria-label="${label}"]`)?.disabled;
  assert.equal(disabled("Пропустить клиента"), true);
  assert.equal(disabled("Позвонить сейчас: Клиент 2"), true);
  assert.equal(disabled("Убрать из списка: Клиент 2"), false);
  assert.equal(text(".now"), "Разговор: Клиент 1 +7 916 000-00-01");
});

test("the note of the client who is talked to stands in the panel, and not in the card", () => {
  const client = aClient(1, { state: "taken", call: "p:1" });
  const panel = shown(whole([client], { phase: "talking", current: 1, number: "+7" }));
  assert.equal(panel.noted.at(-1), "p:1");
  assert.equal(panel.root.querySelector<HTMLElement>(".notes")?.hidden, false);
  panel.press("Свернуть список обзвона");
  assert.equal(panel.noted.at(-1), null, "folded: the card has it");
});

test("whoever writes after the call stops the timer", () => {
  const client = aClient(1, { state: "reached", call: "p:1" });
  const panel = shown(whole([client, aClient(2)], { phase: "waiting", due_at: 1009, current: 1 }));
  const field = panel.root.querySelector<HTMLTextAreaElement>(".notes textarea");
  assert.ok(field);
  field.focus();
  field.dispatchEvent(new window.Event("input", { bubbles: true }));
  assert.deepEqual(panel.pressed, [["hold", null]]);
});

test("arrows go from client to client, and one row is in the order of the Tab key", () => {
  const panel = shown(whole([aClient(1), aClient(2), aClient(3)]));
  const tabbable = () =>
    panel
      .rows()
      .filter((row) => row.querySelector('[data-act][tabindex="0"]'))
      .map((row) => row.dataset.key);
  assert.deepEqual(tabbable(), ["1"]);
  panel.rows()[0]?.querySelector<HTMLElement>('[data-act="remove"]')?.focus();
  panel.root.activeElement?.dispatchEvent(
    new window.KeyboardEvent("keydown", { key: "ArrowDown", bubbles: true }) as unknown as Event,
  );
  assert.equal(panel.root.activeElement?.getAttribute("aria-label"), "Убрать из списка: Клиент 2");
  assert.deepEqual(tabbable(), ["2"]);
});

test("the focus stays at its place when the focused client is removed", () => {
  const panel = shown(whole([aClient(1), aClient(2), aClient(3)]));
  panel.rows()[1]?.querySelector<HTMLElement>('[data-act="remove"]')?.focus();
  panel.show(whole([aClient(1), aClient(3)], { revision: 2 }));
  assert.equal(panel.root.activeElement?.getAttribute("aria-label"), "Убрать из списка: Клиент 3");
});

test("rows that have not changed are not drawn again", () => {
  const panel = shown(whole([aClient(1), aClient(2), aClient(3)]));
  const before = panel.rows();
  panel.show(whole([aClient(1), aClient(2), aClient(3, { state: "skipped" })], { revision: 2 }));
  assert.deepEqual(
    panel.rows().map((row, place) => row === before[place]),
    [true, true, false],
  );
});

test("a list that stopped says why", () => {
  const panel = shown(whole([aClient(1)], { why: "phone_not_answered" }));
  assert.match(panel.text(".why-not") ?? "", /не ответили на своём телефоне/);
  panel.show(whole([aClient(1)], { revision: 2, why: "pbx_offline" }));
  assert.match(panel.text(".why-not") ?? "", /Нет связи с АТС/);
});

test("a script is written and kept", async () => {
  const panel = shown(whole([aClient(1)]));
  [...panel.root.querySelectorAll("button")]
    .find((each) => each.textContent === "Написать текст для разговора")
    ?.click();
  const field = panel.root.querySelector<HTMLTextAreaElement>(".script-box textarea");
  assert.ok(field);
  field.value = "Добрый день";
  panel.root
    .querySelector(".script-box form")
    ?.dispatchEvent(new window.Event("submit", { cancelable: true }) as unknown as Event);
  await settled();
  assert.deepEqual(panel.scripts, ["Добрый день"]);
});

test("a foreign name is text", () => {
  const { root } = shown(whole([aClient(1, { name: "<img src=x onerror=alert(1)>", url: "javascript:alert(1)" })]));
  assert.equal(root.querySelector("img"), null);
  assert.equal(root.querySelector("li a"), null);
});
