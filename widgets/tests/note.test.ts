import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiError } from "../shared/api";
import type { CallNote, CardCall, NotesAnswer, ResultRequest, SaveNoteRequest } from "../shared/messages";
import { type Kept, type NoteActions, NoteDraft } from "../shared/note_draft";
import { NoteView } from "../shared/note_view";
import { quickTimes, wallClock } from "../shared/office_time";
import { Texts } from "../shared/texts";
import { aCall, FakeEnvironment, settled } from "./dom";

const EMPTY: CallNote = { revision: 0, text: "", result: null, next_step: null, result_at: null };
const TERMS = { results: ["Заинтересован", "Перезвонить"], zone: "Europe/Moscow", can_plan: true };

/** A server that keeps one note with revisions, as ours does. */
function aServer(note: CallNote = EMPTY) {
  const environment = new FakeEnvironment();
  const kept = new Map<string, Kept>();
  const server = {
    note,
    environment,
    kept,
    saves: [] as SaveNoteRequest[],
    concluded: [] as ResultRequest[],
    fails: null as ApiError | null,
    /** Answers wait until `release` is called. */
    held: null as Promise<void> | null,
    change(fields: Partial<CallNote>): CallNote {
      server.note = { ...server.note, ...fields, revision: server.note.revision + 1 };
      return server.note;
    },
  };
  let requests = 0;
  const reached = async () => {
    await server.held;
    if (server.fails) throw server.fails;
  };
  const actions: NoteActions = {
    async read(): Promise<NotesAnswer> {
      await reached();
      return { note: server.note, ...TERMS };
    },
    async save(request) {
      server.saves.push(request);
      await reached();
      if (request.revision !== server.note.revision && request.text !== server.note.text)
        throw new ApiError("note_changed", "");
      if (request.text === server.note.text) return { note: server.note };
      return { note: server.change({ text: request.text }) };
    },
    async conclude(request) {
      server.concluded.push(request);
      await reached();
      const next_step = request.next_step && { text: request.next_step.text, due_at: 1_800_000_000 };
      return { note: server.change({ text: request.text, result: request.result, next_step, result_at: 1 }) };
    },
    newRequest: () => `request-${++requests}`,
    after: (ms, run) => environment.after(ms, run),
    drafts: {
      get: (call) => kept.get(call) ?? null,
      set: (call, value) => {
        if (value) kept.set(call, value);
        else kept.delete(call);
      },
    },
  };
  return { server, actions };
}

function aDraft(note: CallNote = EMPTY) {
  const { server, actions } = aServer(note);
  const make = () =>
    new NoteDraft(
      "c",
      actions,
      () => {},
      () => server.environment.now(),
    );
  return { server, draft: make(), again: make };
}

test("what is typed is saved once a person pauses", async () => {
  const { server, draft } = aDraft();
  draft.type("Про");
  await server.environment.pass(500);
  draft.type("Просит счёт");
  await server.environment.pass(700);
  assert.equal(server.saves.length, 0);
  await server.environment.pass(200);
  assert.deepEqual(server.saves, [{ call: "c", text: "Просит счёт", revision: 0 }]);
  assert.equal(draft.state, "saved");
});

test("a person who types without a pause is saved too", async () => {
  const { server, draft } = aDraft();
  for (let step = 1; step <= 14; step++) {
    draft.type("а".repeat(step));
    await server.environment.pass(500);
  }
  assert.ok(server.saves.length >= 1);
});

test("one save is under way at a time, and the next one has what was typed meanwhile", async () => {
  const { server, draft } = aDraft();
  let release = () => {};
  server.held = new Promise((resolve) => {
    release = resolve;
  });
  draft.type("раз");
  await server.environment.pass(1_000);
  draft.type("раз два");
  await server.environment.pass(3_000);
  assert.equal(server.saves.length, 1);
  release();
  await settled();
  await server.environment.pass(1_000);
  assert.deepEqual(
    server.saves.map((save) => [save.text, save.revision]),
    [
      ["раз", 0],
      ["раз два", 1],
    ],
  );
  assert.equal(server.note.text, "раз два");
});

test("a failure is tried again until the server has the text", async () => {
  const { server, draft } = aDraft();
  server.fails = new ApiError("network", "");
  draft.type("не потерять");
  await server.environment.pass(5_000);
  assert.equal(draft.state, "failed");
  server.fails = null;
  await server.environment.pass(40_000);
  assert.equal(server.note.text, "не потерять");
  assert.equal(draft.state, "saved");
});

test("a refusal for good is said and not repeated", async () => {
  const { server, draft } = aDraft();
  server.fails = new ApiError("call_unknown", "");
  draft.type("поздно");
  await server.environment.pass(60_000);
  assert.equal(server.saves.length, 1);
  assert.equal(draft.state, "lost");
  assert.equal(draft.text, "поздно");
});

test("the text of another window replaces one that is saved", () => {
  const { draft, server } = aDraft();
  draft.take(server.change({ text: "из другого окна" }));
  assert.equal(draft.text, "из другого окна");
  assert.equal(draft.state, "saved");
});

test("the text of another window never replaces one that is not saved: the person chooses", async () => {
  for (const choose of ["takeTheirs", "keepMine"] as const) {
    const { draft, server } = aDraft();
    draft.take(server.note);
    draft.type("моё");
    draft.take(server.change({ text: "их" }));
    assert.equal(draft.state, "conflict");
    await server.environment.pass(60_000);
    assert.equal(server.note.text, "их");
    draft[choose]();
    await server.environment.pass(2_000);
    assert.equal(server.note.text, choose === "keepMine" ? "моё" : "их");
    assert.equal(draft.text, server.note.text);
  }
});

test("a save that another window was faster than ends in the same choice", async () => {
  const { draft, server } = aDraft();
  draft.type("моё");
  server.change({ text: "их" }); // and the message of it was lost
  await server.environment.pass(2_000);
  assert.equal(draft.state, "conflict");
  assert.equal(draft.text, "моё");
  draft.keepMine();
  await server.environment.pass(2_000);
  assert.equal(server.note.text, "моё");
});

test("the echo of one's own save is no other window", async () => {
  const { draft, server } = aDraft();
  let release = () => {};
  server.held = new Promise((resolve) => {
    release = resolve;
  });
  draft.type("моё");
  await server.environment.pass(1_000);
  draft.type("моё и дальше");
  draft.take({ ...EMPTY, revision: 1, text: "моё" }); // over the socket, before the answer
  assert.notEqual(draft.state, "conflict");
  release();
  await server.environment.pass(5_000);
  assert.equal(server.note.text, "моё и дальше");
});

test("what a reload interrupted is in the next page, and is saved there", async () => {
  const { draft, server, again } = aDraft();
  draft.type("не успело");
  draft.stop();
  const next = again();
  assert.equal(next.text, "не успело");
  next.take(server.note);
  await server.environment.pass(2_000);
  assert.equal(server.note.text, "не успело");
  assert.equal(server.kept.size, 0);
});

test("an older note that arrives late changes nothing", () => {
  const { draft } = aDraft();
  draft.take({ ...EMPTY, revision: 3, text: "новое" });
  draft.take({ ...EMPTY, revision: 2, text: "старое" });
  assert.equal(draft.text, "новое");
});

// ---- the view

async function aView(call: Partial<CardCall> = {}, note: CallNote = EMPTY) {
  const { server, actions } = aServer(note);
  const talking = aCall({ state: "talking", answered_at: 1001, ...call });
  const view = new NoteView(talking, new Texts("ru"), actions);
  document.body.append(view.element);
  const update = (fields: Partial<CardCall> = {}) => view.update({ ...talking, ...fields }, 1_790_000_000);
  update();
  await settled();
  const find = <Found extends HTMLElement = HTMLElement>(selector: string) => {
    const found = view.element.querySelector<Found>(selector);
    assert.ok(found, `${selector} is in the note`);
    return found;
  };
  const field = find<HTMLTextAreaElement>("textarea");
  const type = (text: string) => {
    field.value = text;
    field.dispatchEvent(new window.Event("input") as unknown as Event);
  };
  const chip = (name: string) =>
    [...view.element.querySelectorAll<HTMLButtonElement>(".chip")].find((one) => one.textContent === name) ??
    assert.fail(name);
  const submit = async () => {
    find("form").dispatchEvent(new window.Event("submit", { cancelable: true }) as unknown as Event);
    await settled();
    await settled();
  };
  const shows = (selector: string) => {
    const element = view.element.querySelector<HTMLElement>(selector);
    return element !== null && !element.hidden && !element.closest("[hidden]");
  };
  const end = () => update({ state: "ended", ended_at: 1100, result: "answered" });
  return { view, server, update, find, field, type, chip, submit, shows, end };
}

test("the field is there during the talk and the result after it; a ringing call has neither", async () => {
  const ringing = await aView({ state: "ringing", answered_at: null });
  assert.equal(ringing.view.element.hidden, true);
  const { shows, end } = await aView();
  assert.deepEqual([shows("textarea"), shows(".result-form")], [true, false]);
  end();
  assert.deepEqual([shows("textarea"), shows(".result-form")], [true, true]);
});

test("a call that only rang here has no note", async () => {
  const { view, update } = await aView({ state: "ringing", answered_at: null });
  update({ state: "ended", answered_at: null, ended_at: 1010, result: "missed" });
  assert.equal(view.element.hidden, true);
});

test("the note that was saved before a reload is in the field", async () => {
  const { field } = await aView({}, { ...EMPTY, revision: 4, text: "сохранено раньше" });
  assert.equal(field.value, "сохранено раньше");
});

test("the card is busy while text is not saved, and no longer", async () => {
  const { view, type, server } = await aView();
  assert.equal(view.isBusy, false);
  type("текст");
  assert.equal(view.isBusy, true);
  await server.environment.pass(2_000);
  assert.equal(view.isBusy, false);
});

test("a result with its task goes with the text, and is shown as given", async () => {
  const { type, chip, submit, find, end, server, view } = await aView();
  type("Просит счёт");
  end();
  chip("Заинтересован").click();
  assert.equal(view.isBusy, true);
  find(".step button").click();
  find<HTMLInputElement>(".step input[type=text]").value = "Отправить счёт";
  chip("Завтра, 10:00").click();
  await submit();
  const [sent] = server.concluded;
  assert.deepEqual(
    [sent?.text, sent?.result, sent?.next_step?.text],
    ["Просит счёт", "Заинтересован", "Отправить счёт"],
  );
  assert.match(sent?.next_step?.due ?? "", /^\d{4}-\d\d-\d\dT10:00$/);
  assert.match(find(".done-result").textContent ?? "", /Итог сохранён.*Заинтересован.*Задача/);
  assert.equal(view.isBusy, false);
});

test("a repeated press sends the same request, so that it counts once", async () => {
  const { chip, submit, end, server, find } = await aView();
  end();
  chip("Перезвонить").click();
  server.fails = new ApiError("network", "");
  await submit();
  assert.match(find(".answer").textContent ?? "", /не отвечает/);
  server.fails = null;
  await submit();
  assert.deepEqual([...new Set(server.concluded.map((one) => one.request))].length, 1);
});

test("nothing at all is no result", async () => {
  const { submit, end, server, find } = await aView();
  end();
  await submit();
  assert.equal(server.concluded.length, 0);
  assert.match(find(".answer").textContent ?? "", /Выберите итог/);
});

test("a result can be changed, with what was chosen before", async () => {
  const given = { ...EMPTY, revision: 2, result: "Заинтересован", result_at: 1 };
  const { end, find, chip, submit, server } = await aView({}, given);
  end();
  assert.match(find(".done-result").textContent ?? "", /Заинтересован/);
  find(".done-result button").click();
  assert.equal(chip("Заинтересован").getAttribute("aria-pressed"), "true");
  chip("Перезвонить").click();
  await submit();
  assert.equal(server.note.result, "Перезвонить");
});

test("hostile texts stay texts", async () => {
  const hostile = "<img src=x onerror=globalThis.broken=1>";
  const { view, field } = await aView({}, { ...EMPTY, revision: 1, text: hostile, result: hostile, result_at: 1 });
  view.update(aCall({ state: "ended", answered_at: 1, ended_at: 2 }), 3);
  assert.equal(field.value, hostile);
  assert.equal(view.element.querySelectorAll("img, script").length, 0);
});

// ---- the office's clock

test("the office's clock is shown, not the browser's", () => {
  const at = Date.UTC(2026, 10, 29, 21, 30) / 1000;
  assert.equal(wallClock(at, "Europe/Moscow"), "2026-11-30T00:30");
  assert.equal(wallClock(at, "America/New_York"), "2026-11-29T16:30");
  assert.match(wallClock(at, "No/Such_Zone"), /^2026-11-\d\dT\d\d:30$/);
});

test("quick times: in an hour, tomorrow, and Monday where that is not tomorrow", () => {
  const saturday = Date.UTC(2026, 10, 28, 10, 5) / 1000;
  assert.deepEqual(quickTimes(saturday, "UTC"), [
    { key: "result_in_hour", due: "2026-11-28T11:05" },
    { key: "result_tomorrow", due: "2026-11-29T10:00" },
    { key: "result_monday", due: "2026-11-30T10:00" },
  ]);
  const sunday = saturday + 86_400;
  assert.deepEqual(
    quickTimes(sunday, "UTC").map((one) => one.key),
    ["result_in_hour", "result_tomorrow"],
  );
  const monday = sunday + 86_400;
  assert.equal(quickTimes(monday, "UTC").at(-1)?.due, "2026-12-07T10:00");
  const newYear = Date.UTC(2026, 11, 31, 23, 30) / 1000;
  assert.deepEqual(quickTimes(newYear, "UTC")[0]?.due, "2027-01-01T00:30");
});
