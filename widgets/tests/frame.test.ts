import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { showCallCard } from "../bitrix24/call_card";
import { start } from "../bitrix24/frame";
import { makeHost } from "../bitrix24/host";
import { showPanel } from "../bitrix24/panel";
import { entitiesOf, type Portal, portalOf } from "../bitrix24/portal";
import { type Boot, readBoot } from "../shared/frame/boot";
import { theCall } from "../shared/frame/card_call";
import { ClientView } from "../shared/frame/client_view";
import { FrameSession, type Send } from "../shared/frame/session";
import { frameTexts } from "../shared/frame/texts";
import { ru as frameWords } from "../shared/frame/words/ru";
import type { HttpAnswer } from "../shared/host";
import type { ClientAnswer } from "../shared/messages";
import { Texts } from "../shared/texts";
import { aCall, FakeSocket, settled } from "./dom";

const say = frameTexts(frameWords);

// ---- the session

/** A server that knows one ticket and gives a new token for each proof. */
function server(valid: { ticket?: string; proof?: string } = {}) {
  const asked: { url: string; token: string | null; body: unknown }[] = [];
  let issued = 0;
  const live = new Set<string>();
  const send: Send = async (_method, url, body, token) => {
    asked.push({ url, token, body });
    await settled();
    if (url.endsWith("/api/widget/frame")) {
      const { ticket, proof } = body as { ticket?: string; proof?: string };
      const isRight = ticket ? ticket === valid.ticket : proof !== undefined && proof === valid.proof;
      if (ticket) valid.ticket = "";
      if (!isRight) return refused("auth_failed", 401);
      issued += 1;
      live.add(`t${issued}`);
      return { status: 200, body: { token: `t${issued}`, expires_in: 1800 } };
    }
    return token && live.has(token) ? { status: 200, body: { ok: token } } : refused("auth_failed", 401);
  };
  return { send, asked, end: () => live.clear(), begun: () => issued };
}

const refused = (code: string, status: number): HttpAnswer => ({ status, body: { error: { code, message: "" } } });

function aSession(send: Send, ticket: string | null, proof: () => Promise<string> = () => Promise.reject(new Error())) {
  const renewal = { account: "acme", subject: { kind: "contact" as const, id: "41" } };
  return new FrameSession("https://dozvon.example.com", renewal, ticket, proof, send);
}

test("the first request exchanges the ticket, and requests at once do it together", async () => {
  const { send, begun } = server({ ticket: "one" });
  const session = aSession(send, "one");
  const answers = await Promise.all([1, 2, 3].map(() => session.fetch("GET", "/api/widget/status")));
  assert.deepEqual(
    answers.map((answer) => answer.body),
    [{ ok: "t1" }, { ok: "t1" }, { ok: "t1" }],
  );
  assert.equal(begun(), 1);
});

test("a session that is over is begun again by the portal's word, once for a burst, with what the page shows", async () => {
  const { send, asked, end, begun } = server({ ticket: "one", proof: "portal" });
  let proofs = 0;
  const session = aSession(send, "one", async () => {
    proofs += 1;
    return "portal";
  });
  await session.fetch("GET", "/a");
  end();
  const answers = await Promise.all([1, 2].map(() => session.fetch("POST", "/b", {})));
  assert.deepEqual(
    answers.map((answer) => answer.status),
    [200, 200],
  );
  assert.deepEqual([begun(), proofs], [2, 1]);
  const renewal = asked.filter((one) => one.url.endsWith("/frame")).at(-1);
  assert.deepEqual(renewal?.body, { account: "acme", subject: { kind: "contact", id: "41" }, proof: "portal" });
});

test("a page that was too slow for its ticket begins by the portal's word; without one it says that nobody is known", async () => {
  const { send } = server({ ticket: "another", proof: "portal" });
  assert.equal((await aSession(send, "late", async () => "portal").fetch("GET", "/a")).status, 200);
  assert.equal((await aSession(send, "late").fetch("GET", "/a")).status, 0);
  assert.equal((await aSession(send, "late", async () => "wrong").fetch("GET", "/a")).status, 401);
});

test("a token that has opened the pages once is renewed, so that a second press opens them again", async () => {
  const { send } = server({ ticket: "one", proof: "portal" });
  let used = false;
  const once: Send = async (method, url, body, token) => {
    if (url.endsWith("/pages") && token === "t1") {
      if (used) return refused("crm_token_used", 409);
      used = true;
      return { status: 201, body: { url: "u" } };
    }
    return send(method, url, body, token);
  };
  const session = aSession(once, "one", async () => "portal");
  assert.equal((await session.fetch("POST", "/api/widget/pages", {})).status, 201);
  assert.equal((await session.fetch("POST", "/api/widget/pages", {})).status, 200);
  // Another page with the same token has used it.
  used = true;
  const late = aSession(once, "late", async () => "portal");
  assert.equal((await late.fetch("POST", "/api/widget/pages", {})).status, 200);
});

// ---- the portal

function aBx(fields: Partial<Bx24> = {}) {
  const said: unknown[][] = [];
  const bound = new Map<string, (data: unknown) => void>();
  const bx: Bx24 = {
    init: (ready) => ready(),
    getAuth: () => ({ access_token: "first" }),
    refreshAuth: (done) => done({ access_token: "fresh" }),
    installFinish: () => said.push(["installFinish"]),
    openPath: (path) => said.push(["openPath", path]),
    resizeWindow: (...size) => said.push(["resize", ...size]),
    selectCRM: (_what, chosen) => chosen({}),
    placement: {
      call: (command) => said.push([command]),
      bindEvent: (event, handler) => bound.set(event, handler),
    },
    ...fields,
  };
  return { bx, said, bound };
}

test("the portal's script gives its token, and a fresh one when that is wanted", async () => {
  const portal = portalOf(aBx().bx);
  assert.equal(await portal.token(false), "first");
  assert.equal(await portal.token(true), "fresh");
  assert.equal(await portalOf(aBx({ getAuth: () => false }).bx).token(false), "fresh");
});

test("without the script, or when the portal is silent, promises reject and commands do nothing", async () => {
  await assert.rejects(portalOf(undefined).token(false));
  const now = (_: number, run: () => void) => {
    run();
    return () => {};
  };
  const silent = portalOf(aBx({ init: () => {} }).bx, now);
  await assert.rejects(silent.ready());
  silent.command("disableAutoClose");
  await settled();
});

test("links of the portal open in its slider, others in a tab of their own", async () => {
  const { bx, said } = aBx();
  const opened: unknown[] = [];
  window.open = ((url: string) => opened.push(url)) as unknown as typeof window.open;
  const host = makeHost(aBoot(), aSession(server().send, null), portalOf(bx));
  host.open("/crm/contact/details/41/");
  host.open("https://acme.bitrix24.ru/crm/deal/details/9/?tab=1");
  host.open("https://dozvon.example.com/from-crm?ticket=x");
  await settled();
  assert.deepEqual(said, [
    ["openPath", "/crm/contact/details/41/"],
    ["openPath", "/crm/deal/details/9/?tab=1"],
  ]);
  assert.deepEqual(opened, ["https://dozvon.example.com/from-crm?ticket=x"]);
});

// ---- what the page is told

function aBoot(fields: Partial<Boot> = {}): Boot {
  return {
    crm: "bitrix24",
    account: "acme",
    backend: "https://dozvon.example.com",
    version: "0.1.0",
    language: "ru",
    place: "call",
    manager: "14",
    ticket: "one",
    crmUrl: "https://acme.bitrix24.ru",
    call: { id: "externalCall.1", number: "89161234567" },
    subject: null,
    listed: null,
    selected: null,
    ...fields,
  };
}

test("the page reads what the server has written into it, and refuses what is none of it", () => {
  const raw = { ...aBoot(), crm_url: "https://acme.bitrix24.ru", place: "panel", call: null };
  assert.equal(readBoot(JSON.stringify(raw)).place, "panel");
  for (const wrong of [{ ...raw, place: "elsewhere" }, { ...raw, ticket: 1 }, {}]) {
    assert.throws(() => readBoot(JSON.stringify(wrong)));
  }
});

test("the installer tells the portal that it has finished, or says what keeps it", async () => {
  const { bx, said } = aBx();
  const place = document.createElement("main");
  await start(aBoot({ place: "install" }), portalOf(bx), place);
  await settled();
  assert.deepEqual(said, [["installFinish"]]);
  assert.match(place.textContent ?? "", /подключён к этому порталу/);
  await start(aBoot({ place: "install" }), portalOf(undefined), place);
  await settled();
  assert.match(place.querySelector(".problem")?.textContent ?? "", /Портал не отвечает/);
});

// ---- which call

test("the card shows the call that the server names, and until then the one with the number", () => {
  const [mine, other] = [aCall({ id: "a" }), aCall({ id: "b", raw_number: "+74951112233" })];
  assert.equal(theCall([mine, other], { ours: "b", number: "+79161234567" })?.id, "b");
  assert.equal(theCall([mine, other], { ours: "gone", number: "+79161234567" }), null);
  assert.equal(theCall([mine, other], { ours: null, number: "8 (495) 111-22-33" })?.id, "b");
  assert.equal(theCall([mine, other], { ours: null, number: "+70000000000" }), null);
});

test("a call that goes on comes before an ended one with the same number; a hidden number fits only call there is", () => {
  const [ended, live] = [aCall({ id: "a", state: "ended" }), aCall({ id: "b" })];
  assert.equal(theCall([ended, live], { ours: null, number: "+79161234567" })?.id, "b");
  assert.equal(theCall([ended], { ours: null, number: "+79161234567" })?.id, "a");
  assert.equal(theCall([live], { ours: null, number: "" })?.id, "b");
  assert.equal(theCall([live, aCall({ id: "c" })], { ours: null, number: "" }), null);
});

// ---- our card in the portal's

const sockets: FakeSocket[] = [];
Object.assign(globalThis, {
  WebSocket: class extends FakeSocket {
    constructor(url: string) {
      super(url);
      sockets.push(this);
    }
  },
});

let running: { stop(): void } | null = null;
afterEach(() => {
  running?.stop();
  running = null;
  sockets.length = 0;
});

const statusWithoutExtension = {
  manager: { id: "1", name: "Дмитрий Егоров" },
  extension: null,
  pbx: "connected",
  crm: "connected",
  version: "0",
  problems: [{ code: "no_extension", text: "" }],
  is_admin: true,
};

async function aCallCard(
  portal: Portal,
  crmCalls: Record<string, string> = {},
  show: typeof showCallCard = showCallCard,
) {
  const send: Send = async (_method, url) => {
    const id = decodeURIComponent(url.split("crm-call?id=")[1] ?? "");
    if (id) return { status: 200, body: { call: crmCalls[id] ?? null } };
    if (url.endsWith("/frame")) return { status: 200, body: { token: "t" } };
    if (url.endsWith("/session")) return { status: 200, body: { ticket: "ws", expires_in: 60, version: "0" } };
    if (url.endsWith("/status")) return { status: 200, body: statusWithoutExtension };
    return { status: 200, body: {} };
  };
  const place = document.createElement("main");
  document.body.append(place);
  const widget = show(aBoot(), aSession(send, "one"), portal, say, place);
  running = widget;
  const socket = await new Promise<FakeSocket>((resolve) => {
    const look = () => (sockets[0] ? resolve(sockets[0]) : setImmediate(look));
    look();
  });
  const root = () => place.querySelector(".dozvon-widget")?.shadowRoot;
  const names = () => [...(root()?.querySelectorAll(".call .name, .call .names") ?? [])].map((one) => one.textContent);
  return { place, socket, widget, names, root };
}

test("the portal's card of a call has ours of that call only, within the page and without a way to close it", async () => {
  const { bx } = aBx();
  const { place, socket, root } = await aCallCard(portalOf(bx), { "externalCall.1": "b" });
  await settled();
  socket.welcome([aCall({ id: "a" }), aCall({ id: "b", raw_number: "+74951112233", number: "+7 495 111-22-33" })]);
  await settled();
  const cards = root()?.querySelectorAll(".call") ?? [];
  assert.equal(cards.length, 1);
  assert.match(cards[0]?.textContent ?? "", /\+7 495 111-22-33/);
  assert.ok(root()?.host.classList.contains("framed"));
  assert.ok(root()?.host.classList.contains("kept"));
  assert.equal(place.querySelector<HTMLElement>(".empty")?.hidden, true);
});

test("what the panel says of the person is said there once, and in the portal's card, which has no such lines, too", async () => {
  const notice = { type: "notice", code: "no_extension", text: "" };
  for (const [show, said, around] of [
    [showPanel, 0, 1],
    [showCallCard, 1, 0],
  ] as const) {
    sessionStorage.clear();
    sockets.length = 0;
    const { place, socket, root, widget } = await aCallCard(portalOf(aBx().bx), {}, show);
    socket.welcome();
    socket.says(notice);
    await settled();
    assert.equal(root()?.querySelectorAll(".notice").length, said);
    const status = place.querySelector(".dozvon-status")?.shadowRoot;
    assert.equal(status?.querySelectorAll(".problem").length ?? 0, around);
    widget.stop();
  }
});

test("an ended call stays until the portal closes its card", async () => {
  const { socket, root } = await aCallCard(portalOf(aBx().bx));
  socket.welcome([aCall({ id: "a", state: "ended", result: "answered", ended_at: 0 })], 100_000);
  await settled();
  assert.equal(root()?.querySelectorAll(".call").length, 1);
});

test("while somebody types, the portal is asked not to close its card", async () => {
  const { bx, said } = aBx();
  const { socket, root } = await aCallCard(portalOf(bx));
  socket.welcome([aCall({ id: "a", can_create: true })]);
  await settled();
  const create = [...(root()?.querySelectorAll("button") ?? [])].find((one) => one.textContent === "Создать контакт");
  create?.click();
  await settled(); // at once: the client may hang up within the second
  assert.deepEqual(said.at(-1), ["disableAutoClose"]);
  [...(root()?.querySelectorAll("button") ?? [])].find((one) => one.textContent === "Отмена")?.click();
  await new Promise((done) => setTimeout(done, 1_100));
  assert.deepEqual(said.at(-1), ["enableAutoClose"]);
});

// ---- the client's calls

const ANSWER: ClientAnswer = {
  phones: [{ dial: "8 (916) 123-45-67", number: "+7 916 123-45-67" }],
  calls: [
    {
      id: "office:1",
      at: 1_700_000_000,
      direction: "inbound",
      disposition: "missed",
      talk_seconds: 0,
      number: "+7 916 123-45-67",
      by: null,
      line_name: "Реклама <b>",
      record: null,
    },
    {
      id: "office:2",
      at: 1_699_990_000,
      direction: "outbound",
      disposition: "answered",
      talk_seconds: 95,
      number: "+7 916 123-45-67",
      by: "Анна Ким",
      line_name: null,
      record: "https://dozvon.example.com/r/abc.mp3",
    },
  ],
  has_more: false,
  zone: "Europe/Moscow",
};

function aClientView(answer: () => Promise<ClientAnswer>) {
  const dialled: unknown[] = [];
  const api = {
    clientCalls: answer,
    call: async (request: unknown) => {
      dialled.push(request);
      return { call: "x" };
    },
  };
  const view = new ClientView(api, { kind: "contact", id: "41" }, new Texts("ru"), say);
  return { view, dialled };
}

test("a client's tab lists the calls with their recordings, and calls by a press", async () => {
  const { view, dialled } = aClientView(async () => ANSWER);
  await view.refresh();
  const rows = [...view.element.querySelectorAll("li")];
  assert.deepEqual(
    rows.map((row) => row.className),
    ["missed", "answered"],
  );
  assert.match(rows[0]?.textContent ?? "", /Входящий.*пропущен.*Реклама <b>/);
  assert.match(rows[1]?.textContent ?? "", /Исходящий.*состоялся, 2 мин.*Анна Ким/);
  assert.equal(view.element.querySelector("audio")?.getAttribute("src"), "https://dozvon.example.com/r/abc.mp3");
  Object.defineProperty(window.navigator, "onLine", { value: true, configurable: true });
  view.element.querySelector<HTMLButtonElement>(".phones button")?.click();
  await settled();
  const { number, entity } = dialled[0] as { number: string; entity: unknown };
  assert.deepEqual({ number, entity }, { number: "8 (916) 123-45-67", entity: { kind: "contact", id: "41" } });
  assert.match(view.element.querySelector(".said")?.textContent ?? "", /сначала зазвонит ваш телефон/);
});

test("what plays goes on when a refresh brings nothing new; a failure leaves what was shown", async () => {
  let fails = false;
  const { view } = aClientView(async () => {
    if (fails) throw new Error("away");
    return ANSWER;
  });
  await view.refresh();
  const player = view.element.querySelector("audio");
  await view.refresh();
  assert.equal(view.element.querySelector("audio"), player);
  fails = true;
  await view.refresh();
  assert.equal(view.element.querySelectorAll("li").length, 2);
  assert.ok(view.element.querySelector(".said.problem"));
});

test("a card without a phone, and one without calls, say so", async () => {
  const { view } = aClientView(async () => ({ ...ANSWER, phones: [], calls: [] }));
  await view.refresh();
  assert.match(view.element.textContent ?? "", /В карточке нет телефона/);
  const other = aClientView(async () => ({ ...ANSWER, calls: [] }));
  await other.view.refresh();
  assert.match(other.view.element.textContent ?? "", /ещё не было/);
});

test("what was chosen in the portal's dialogue is read by kind, each once, whatever else is there", () => {
  const found = {
    contact: [{ id: "C_7" }, { id: "C_7" }, { id: "8" }, { id: "C_x" }, { id: "C_<img>" }],
    company: { 0: { id: "CO_4" } },
    deal: [],
    quote: [{ id: "Q_1" }],
  };
  assert.deepEqual(entitiesOf(found), [
    { kind: "contact", id: "7" },
    { kind: "contact", id: "8" },
    { kind: "company", id: "4" },
  ]);
  assert.deepEqual(entitiesOf(null), []);
});
