import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiError } from "../shared/api";
import { CallbackView } from "../shared/callback_view";
import type { CallbackAnswer, CardCall } from "../shared/messages";
import { Texts } from "../shared/texts";
import { aCall, FakeEnvironment, settled } from "./dom";

type Callback = NonNullable<CallbackAnswer["callback"]>;
const WAITS: Callback = { state: "open", at: 1_800_000_600, tries: 0, most: 3 };
const NOW = 1_800_000_000;
const MISSED: Partial<CardCall> = { state: "ended", direction: "inbound", disposition: "missed" };

/** A server with one callback, and the view in a card of a call. */
function aView(callback: Callback | null, call: Partial<CardCall> = MISSED) {
  const environment = new FakeEnvironment();
  const server = { callback, reads: 0, wanted: [] as boolean[], fails: null as ApiError | null };
  const view = new CallbackView(new Texts("en"), {
    async read() {
      server.reads += 1;
      if (server.fails) throw server.fails;
      return { callback: server.callback };
    },
    async want(_call, wanted) {
      server.wanted.push(wanted);
      if (server.fails) throw server.fails;
      if (server.callback) server.callback = { ...server.callback, state: wanted ? "open" : "removed" };
      return { callback: server.callback };
    },
    after: (ms, run) => environment.after(ms, run),
  });
  const update = () => view.update(aCall(call), NOW);
  update();
  const pass = async (seconds: number) => {
    await environment.pass(seconds * 1000);
    await settled();
  };
  return { view, server, update, pass };
}

test("the card of a missed call says when Dozvon calls back, and a press cancels it and brings it back", async () => {
  const { view, server, pass } = aView(WAITS);
  assert.equal(view.element.hidden, true);
  await pass(2);
  assert.match(view.element.textContent ?? "", /Dozvon will call back at .*: call 1 of 3\./);
  view.element.querySelector("button")?.click();
  await settled();
  assert.match(view.element.textContent ?? "", /The callback is cancelled\./);
  view.element.querySelector("button")?.click();
  await settled();
  assert.deepEqual(server.wanted, [false, true]);
  assert.match(view.element.textContent ?? "", /Dozvon will call back/);
});

test("it is looked for a few times, because Dozvon makes it a moment after the call", async () => {
  const { view, server, update, pass } = aView(null);
  await pass(2);
  server.callback = WAITS;
  update();
  assert.equal(view.element.hidden, true);
  await pass(5);
  assert.equal(view.element.hidden, false);
  const none = aView(null);
  for (let look = 0; look < 10; look += 1) await none.pass(20);
  assert.equal(none.server.reads, 3);
  assert.equal(none.view.element.hidden, true);
});

test("nothing is asked for other calls, nor after the card was closed", async () => {
  for (const other of [
    { ...MISSED, state: "ringing" },
    { ...MISSED, direction: "outbound", disposition: "noanswer" },
    { ...MISSED, disposition: "answered" },
  ] as Partial<CardCall>[]) {
    const { server, pass } = aView(WAITS, other);
    await pass(60);
    assert.equal(server.reads, 0);
  }
  const { view, server, pass } = aView(WAITS);
  view.giveUp();
  await pass(60);
  assert.equal(server.reads, 0);
});

test("a press that failed says why and may be repeated", async () => {
  const { view, server, pass } = aView(WAITS);
  await pass(2);
  server.fails = new ApiError("network", "");
  const button = view.element.querySelector("button");
  button?.click();
  await settled();
  assert.equal(button?.disabled, false);
  assert.doesNotMatch(view.element.textContent ?? "", /will call back/);
});

test("one that has ended meanwhile is not shown", async () => {
  for (const state of ["reached", "not_reached", "do_not_call"] as const) {
    const { view, pass } = aView({ ...WAITS, state, at: null });
    await pass(2);
    assert.equal(view.element.hidden, true);
  }
});
