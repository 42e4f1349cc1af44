import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { ApiError } from "../shared/api";
import type { AddEntriesAnswer, AddEntriesRequest, CampaignChoice, EntityRef } from "../shared/messages";
import { SelectionView } from "../shared/selection_view";
import { Texts } from "../shared/texts";
import { settled } from "./dom";

const SPRING: CampaignChoice = { id: "spring", name: "Весна", state: "draft" };
const contacts = (count: number): EntityRef[] =>
  Array.from({ length: count }, (_, index) => ({ kind: "contact", id: String(index + 1) }));

/** A server with these campaigns; `answer` says what becomes of each request for entries. */
function server(campaigns: CampaignChoice[], answer: (request: AddEntriesRequest) => AddEntriesAnswer) {
  const added: AddEntriesRequest[] = [];
  const made: { name: string; request: string }[] = [];
  const own: EntityRef[][] = [];
  return {
    added,
    made,
    own,
    async addToOwnList(entities: EntityRef[]) {
      own.push(entities);
      return { added: entities.length, left_out: {} };
    },
    campaigns: async () => ({ campaigns }),
    async makeCampaign(request: { name: string; request: string }) {
      made.push(request);
      return { campaign: { id: request.request, name: request.name, state: "draft" } as CampaignChoice };
    },
    async addEntries(request: AddEntriesRequest) {
      added.push(request);
      return answer(request);
    },
  };
}

const allAdded = ({ entities }: AddEntriesRequest) => ({ added: entities.length, joined: 0, left_out: {} });

async function opened(to: ReturnType<typeof server>, entities: EntityRef[], call: (() => void) | null = null) {
  const view = new SelectionView(new Texts("ru"));
  document.body.append(view.element);
  await view.open(entities, { server: to, newRequest: () => "r1", call, closed: () => {} });
  return { view };
}

const submit = async (view: SelectionView) => {
  view.element.querySelector("form")?.dispatchEvent(new window.Event("submit", { cancelable: true }));
  for (let i = 0; i < 5; i++) await settled();
};

afterEach(() => document.body.replaceChildren());

test("what is ticked goes into the chosen campaign, and who was left out is counted", async () => {
  const to = server([SPRING], () => ({ added: 3, joined: 1, left_out: { no_number: 2, do_not_call: 1 } }));
  const { view } = await opened(to, contacts(7));
  assert.match(view.element.textContent ?? "", /Выбрано в списке: 7/);
  assert.match(view.element.textContent ?? "", /Весна \(не запускался\)/);
  await submit(view);
  assert.deepEqual(to.added, [{ campaign: "spring", entities: contacts(7) }]);
  const said = view.element.textContent ?? "";
  for (const words of ["Добавлено: 3", "объединены: 1", "Без номера телефона: 2", "Запрещено звонить: 1"]) {
    assert.ok(said.includes(words), said);
  }
  assert.ok(!said.includes("Уже были"), "nobody was left out for it");
});

test("without any campaign a new one is made, which needs a name", async () => {
  const to = server([], allAdded);
  const { view } = await opened(to, contacts(2));
  await submit(view);
  assert.deepEqual([to.made, to.added], [[], []]);
  assert.match(view.element.querySelector(".answer")?.textContent ?? "", /Введите/);
  const name = view.element.querySelector("input");
  if (name) name.value = "Лето";
  await submit(view);
  assert.deepEqual(to.made, [{ name: "Лето", request: "r1" }]);
  assert.deepEqual(
    to.added.map((each) => each.campaign),
    ["r1"],
  );
});

test("more than the server takes at once goes in parts, and goes on where it failed", async () => {
  let isDown = false;
  const to = server([SPRING], (request) => {
    if (isDown) throw new ApiError("crm_offline", "");
    isDown = request.entities[0]?.id === "1";
    return allAdded(request);
  });
  const { view } = await opened(to, contacts(1200));
  await submit(view);
  assert.match(view.element.querySelector(".answer")?.textContent ?? "", /CRM не отвечает.*Не добавлено: 700/);
  isDown = false;
  await submit(view);
  assert.deepEqual(
    to.added.map(({ entities }) => entities.length),
    [500, 500, 500, 200],
  );
  assert.match(view.element.textContent ?? "", /Добавлено: 1200/);
});

test("the only one that is ticked can be called instead", async () => {
  let calls = 0;
  const { view } = await opened(server([SPRING], allAdded), contacts(1), () => calls++);
  view.element.querySelector<HTMLButtonElement>(".call_one")?.click();
  assert.deepEqual([calls, view.isOpen], [1, false]);
});

test("a manager without campaigns has a list of their own", async () => {
  const to = { ...server([], allAdded), campaigns: () => Promise.reject(new ApiError("not_allowed", "")) };
  const { view } = await opened(to, contacts(3));
  assert.deepEqual(
    [...view.element.querySelectorAll("option")].map((option) => option.textContent),
    ["Мой список обзвона"],
  );
  await submit(view);
  assert.deepEqual([to.own, to.added], [[contacts(3)], []]);
  assert.match(view.element.textContent ?? "", /Добавлено: 3/);
});

test("a supervisor chooses the own list, and who found no room in it is counted", async () => {
  const to = { ...server([SPRING], allAdded), addToOwnList: async () => ({ added: 1, left_out: { full: 2 } }) };
  const { view } = await opened(to, contacts(3));
  const choice = view.element.querySelector("select");
  if (choice) choice.value = "own";
  await submit(view);
  assert.match(view.element.textContent ?? "", /Не поместились.*: 2/);
});

test("a campaign's name is text, whatever is in it", async () => {
  const { view } = await opened(server([{ ...SPRING, name: "<img src=x>" }], allAdded), contacts(2));
  assert.equal(view.element.querySelector("img"), null);
  assert.match(view.element.querySelector("option")?.textContent ?? "", /<img src=x>/);
});

test("Escape closes it, and an answer that comes later does not open it again", async () => {
  let arrive: (answer: { campaigns: CampaignChoice[] }) => void = () => {};
  const to = { ...server([], allAdded), campaigns: () => new Promise<never>((resolve) => (arrive = resolve as never)) };
  const view = new SelectionView(new Texts("ru"));
  let closed = 0;
  const opening = view.open(contacts(2), { server: to, newRequest: () => "r1", call: null, closed: () => closed++ });
  view.element.dispatchEvent(new window.KeyboardEvent("keydown", { key: "Escape" }) as unknown as KeyboardEvent);
  arrive({ campaigns: [SPRING] });
  await opening;
  assert.deepEqual([closed, view.isOpen], [1, false]);
});
