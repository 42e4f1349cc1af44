import assert from "node:assert/strict";
import { test } from "node:test";
import { makeApi } from "../shared/api";
import { Connection, type LinkState } from "../shared/connection";
import type { ServerMessage } from "../shared/messages";
import { aHost, FakeEnvironment, settled } from "./dom";

const HANG_UP = { type: "hang_up", call: "a", id: "p", seen: "talking", at: 5 } as const;

async function connected(answers: Record<string, unknown> = {}) {
  let tickets = 0;
  const { host, asked } = aHost({ ...answers }, {});
  const fetch = host.authorisedFetch.bind(host);
  host.authorisedFetch = async (method, path, body) => {
    const answer = await fetch(method, path, body);
    if (path !== "/api/widget/session" || path in answers) return answer;
    tickets += 1;
    return { status: 200, body: { ticket: `t/${tickets}`, expires_in: 60, version: "0.1.0" } };
  };
  const environment = new FakeEnvironment();
  const links: LinkState[] = [];
  const sure: boolean[] = [];
  const heard: ServerMessage[] = [];
  const connection = new Connection(host.backend, makeApi(host), environment, {
    message: (message) => heard.push(message),
    link: (state, isSure) => {
      links.push(state);
      sure.push(isSure);
    },
  });
  connection.start();
  await settled();
  return { connection, environment, links, sure, heard, asked };
}

test("a connection begins with a ticket and is open when the snapshot came", async () => {
  const { environment, links, heard, asked } = await connected();
  assert.deepEqual(asked, [
    {
      method: "POST",
      path: "/api/widget/session",
      body: { crm: "amocrm", version: "0.0.0", protocol: 1, language: "ru" },
    },
  ]);
  assert.equal(environment.last.url, "wss://dozvon.example.com/api/widget/ws?ticket=t%2F1");
  assert.deepEqual(links, ["connecting"]);
  environment.last.says({ type: "snapshot", now: 5, calls: [] });
  assert.deepEqual(links, ["connecting", "open"]);
  assert.deepEqual(heard, [
    { type: "snapshot", now: 5, calls: [], command_seconds: null, own_list: null, offer: null },
  ]);
});

test("a lost connection comes back with a fresh ticket after a growing pause", async () => {
  const { environment, links } = await connected();
  environment.last.welcome();
  const pauses = [1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000];
  for (const [place, pause] of pauses.entries()) {
    environment.last.onclose?.({ code: 1006 });
    await environment.pass(pause - 1);
    assert.equal(environment.sockets.length, place + 1, `nothing before ${pause} ms`);
    await environment.pass(1);
    assert.equal(environment.sockets.length, place + 2);
  }
  assert.match(environment.last.url, /ticket=t%2F9$/);
  assert.equal(links.at(-1), "connecting");
});

test("jitter spreads the pause by half to both sides", async () => {
  const { environment } = await connected();
  environment.chance = 0;
  environment.last.onclose?.({ code: 1006 });
  await environment.pass(500);
  assert.equal(environment.sockets.length, 2);
  environment.chance = 0.999;
  environment.last.onclose?.({ code: 1006 });
  await environment.pass(2900);
  assert.equal(environment.sockets.length, 2);
  await environment.pass(100);
  assert.equal(environment.sockets.length, 3);
});

test("a snapshot ends the backoff, an open socket alone does not", async () => {
  const { environment } = await connected();
  for (const pause of [1000, 2000]) {
    environment.last.onclose?.({ code: 1011 });
    await environment.pass(pause);
  }
  assert.equal(environment.sockets.length, 3);
  environment.last.welcome();
  environment.last.onclose?.({ code: 1011 });
  await environment.pass(1000);
  assert.equal(environment.sockets.length, 4);
});

test("an expired session is renewed at once, a refused connection is not", async () => {
  const { environment } = await connected();
  environment.last.welcome();
  environment.last.onclose?.({ code: 4401 });
  await settled();
  assert.equal(environment.sockets.length, 2);
  environment.last.onclose?.({ code: 4401 });
  await settled();
  assert.equal(environment.sockets.length, 2);
});

test("a refused manager asks again after five minutes", async () => {
  const { environment, links } = await connected();
  environment.last.welcome();
  environment.last.onclose?.({ code: 4403 });
  assert.equal(links.at(-1), "refused");
  await environment.pass(299_999);
  assert.equal(environment.sockets.length, 1);
  await environment.pass(1);
  assert.equal(environment.sockets.length, 2);
});

test("an outdated widget stops for good, whichever answer says so", async () => {
  const closed = await connected();
  closed.environment.last.onclose?.({ code: 4409 });
  assert.equal(closed.links.at(-1), "outdated");
  const refusal = { status: 409, body: { error: { code: "version_mismatch", message: "" } } };
  const refused = await connected({ "/api/widget/session": refusal });
  assert.equal(refused.links.at(-1), "outdated");
  for (const { environment, asked } of [closed, refused]) {
    await environment.pass(3_600_000);
    assert.equal(asked.length, 1);
  }
});

test("without a ticket it tries again, sooner after a network failure than with a switched-off integration", async () => {
  const offline = await connected({ "/api/widget/session": { status: 0, body: null } });
  await offline.environment.pass(3000);
  assert.equal(offline.asked.length, 3);
  const disabled = { status: 403, body: { error: { code: "integration_disabled", message: "" } } };
  const off = await connected({ "/api/widget/session": disabled });
  assert.equal(off.links.at(-1), "refused");
  await off.environment.pass(60_000);
  assert.equal(off.asked.length, 1);
});

test("it pings every five seconds, and drops a connection without an answer", async () => {
  const { environment, links, sure } = await connected();
  const socket = environment.last;
  socket.welcome();
  await environment.pass(60_000);
  assert.equal(socket.sent.length, 12);
  environment.answers = false;
  await environment.pass(5_000);
  assert.equal(links.at(-1), "open");
  await environment.pass(5_000);
  assert.deepEqual([links.at(-1), sure.at(-1), socket.closed], ["waiting", true, true]);
});

test("any message counts as a sign of life", async () => {
  const { environment, links } = await connected();
  environment.answers = false;
  const socket = environment.last;
  socket.welcome();
  for (let i = 0; i < 10; i++) {
    await environment.pass(5_000);
    socket.says({ type: "notice", code: "pbx_back", text: "" });
  }
  assert.equal(links.at(-1), "open");
});

test("a hidden tab, whose timers run once a minute, does not take its pause for a silence", async () => {
  const { connection, environment, links } = await connected();
  environment.last.welcome();
  environment.throttled = 60_000;
  await environment.pass(600_000);
  assert.equal(links.at(-1), "open");
  environment.answers = false;
  connection.beat(); // another tab, in sight, whose timers run in time
  await environment.pass(5_000);
  connection.beat();
  assert.equal(links.at(-1), "waiting");
});

test("a doubted connection is dropped at once, and its later messages are ignored", async () => {
  const { connection, environment, links, heard } = await connected();
  const socket = environment.last;
  socket.welcome();
  connection.doubt();
  assert.deepEqual([links.at(-1), socket.closed, socket.onmessage], ["waiting", true, null]);
  connection.doubt();
  connection.nudge();
  await settled();
  assert.equal(environment.sockets.length, 2);
  assert.equal(heard.length, 1);
});

test("an attempt that never opens is given up", async () => {
  const { environment } = await connected();
  await environment.pass(15_000);
  assert.ok(environment.last.closed);
  await environment.pass(1_000);
  assert.equal(environment.sockets.length, 2);
});

test("a nudge ends a long pause, and does nothing to an open connection", async () => {
  const { connection, environment } = await connected();
  environment.last.welcome();
  connection.nudge();
  await settled();
  assert.equal(environment.sockets.length, 1);
  environment.last.onclose?.({ code: 1006 });
  connection.nudge();
  await settled();
  assert.equal(environment.sockets.length, 2);
});

test("messages are sent only while open, garbage does no harm, a stop is final", async () => {
  const { connection, environment, heard } = await connected();
  const socket = environment.last;
  assert.equal(connection.send(HANG_UP), false);
  socket.welcome();
  assert.equal(connection.send(HANG_UP), true);
  for (const frame of ["", "{", "[]", "null", '{"type":"later"}', '{"type":"call_updated"}', '{"type":"snapshot"}']) {
    socket.onmessage?.({ data: frame });
  }
  assert.equal(heard.length, 1);
  connection.stop();
  await environment.pass(600_000);
  assert.equal(environment.sockets.length, 1);
  assert.ok(socket.closed);
  assert.equal(socket.onclose, null);
});
