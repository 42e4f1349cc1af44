/**
 * The card on a plain page: each button sends it a server's message. For a look at the card, and for screenshots.
 *
 * `?scene=ringing&lang=en&dark=1` shows one scene at once. Nothing here is shipped.
 */

import { type Api, ApiError } from "./shared/api";
import { Card } from "./shared/card";
import { browserChoices } from "./shared/choices";
import { randomId } from "./shared/click";
import { copyText } from "./shared/clipboard";
import { floating } from "./shared/floating";
import { isHotKey } from "./shared/hot_key";
import { CARD_FIELDS, type CallbackAnswer, type CallNote, type CardCall, type OfferedClient } from "./shared/messages";
import { BrowserRing } from "./shared/ring_sound";
import { StatusView } from "./shared/status_view";
import { languageOf, Texts } from "./shared/texts";
import "./shared/words/all";

const now = () => Date.now() / 1000;
const query = new URLSearchParams(location.search);
const texts = new Texts(languageOf(query.get("lang") ?? "ru"));

let calls: CardCall[] = [];
let created = 0;
const choices = browserChoices();
const ring = new BrowserRing(new AbortController().signal);

/** A server that keeps one note. `?note=` fills it. */
let note: CallNote = { revision: 0, text: "", result: null, next_step: null, result_at: null };
const saved = (fields: Partial<CallNote>) => {
  note = { ...note, ...fields, revision: note.revision + 1 };
  return { note };
};
const LONG_NOTE =
  "Хочет остеклить веранду до зимы, бюджет до 250 тысяч.\nЖена против белого профиля: показать образцы.\nПрислать расчёт.";

/** The callback of every missed call that is shown; null: none. */
let callback: CallbackAnswer["callback"] = null;

/** Remembers nothing: what was said is answered. */
const absenceServer: Pick<Api, "status" | "sayAbsence" | "campaignPause" | "pauseCampaigns"> = {
  campaignPause: async () => ({ pause: null, at_work: true }),
  pauseCampaigns: async (paused) => ({
    pause: paused ? { by: "Анна Ким", since: Date.now() / 1000, own: true } : null,
    at_work: true,
  }),
  sayAbsence: async (request) => ({
    absence: request.away
      ? { by: "manager", until: request.seconds === null ? null : Date.now() / 1000 + request.seconds }
      : null,
  }),
  status: async () => ({
    manager: { id: "7", name: "Анна Ким" },
    extension: "101",
    pbx: "connected",
    crm: "connected",
    version: "0.1.0",
    absence: null,
    problems: [],
  }),
};

const card = new Card(
  texts,
  query.get("currency") ?? "RUB",
  now,
  {
    preview: { press: async () => {}, pause: async () => true, after: () => () => {} },
    open: (url) => card.notice("info", `→ ${url}`),
    hangUp: async (call) => change(call.id, call.state === "ringing" ? over("declined") : ended("answered")),
    sendExtension: async (call) => card.notice("info", `♪ ${call.client_extension}`),
    dismiss: (call) => show(calls.filter((one) => one.id !== call.id)),
    minimised: () => {},
    switchSound: () => {
      choices.sound = !choices.sound;
      return choices.sound;
    },
    notifications: (wanted) => card.notice("info", `notifications: ${wanted}`),
    async createContact(_call, name) {
      await new Promise((resolve) => setTimeout(resolve, 700));
      if (/error/i.test(name)) throw new ApiError("crm_offline", "");
      return { entity: { kind: "contact", id: "99", name, url: "/contacts/detail/99" }, created: true };
    },
    async createDeal(_call, name) {
      await new Promise((resolve) => setTimeout(resolve, 700));
      if (/error/i.test(name)) throw new ApiError("crm_offline", "");
      return { deal: { id: "99", name, url: "/leads/detail/99" } };
    },
    newRequest: randomId,
    notes: {
      read: async () => ({
        note,
        results: ["Заинтересован", "Перезвонить", "Договорились о встрече", "Не заинтересован", "Ошиблись номером"],
        zone: query.get("zone") ?? "Asia/Novosibirsk",
        can_plan: true,
      }),
      async save({ text }) {
        if (/error/i.test(text)) throw new ApiError("network", "");
        return saved({ text });
      },
      async conclude({ text, result, next_step }) {
        const step = next_step && { text: next_step.text, due_at: now() + 86_400 };
        return saved({ text, result, next_step: step, result_at: now() });
      },
      newRequest: randomId,
      after: (ms, run) => {
        const timer = setTimeout(run, ms);
        return () => clearTimeout(timer);
      },
      drafts: { get: () => null, set: () => {} },
    },
    async choose(call, { kind, id, name }) {
      await new Promise((resolve) => setTimeout(resolve, 300));
      if (call.person) change(call.id, { person: { ...call.person, kind, id, name }, chosen_by: anna });
    },
    callbacks: {
      read: async () => ({ callback }),
      async want(_call, wanted) {
        if (callback) callback = { ...callback, state: wanted ? "open" : "removed" };
        return { callback };
      },
      after(_ms, run) {
        queueMicrotask(run); // at once: a picture does not wait
        return () => {};
      },
    },
    callBack: async (call) => card.notice("info", texts.say("calling", { number: call.number })),
    copy: copyText,
    choosing: {
      choices,
      notificationPermission: () => (query.has("denied") ? "denied" : "default"),
      askForNotifications: async () => {},
      sample: () => ring.sample(choices.tune, choices.volume),
      changed: () => {},
      server: absenceServer,
    },
  },
  floating,
);

function show(next: CardCall[]): void {
  calls = next;
  card.setDark(document.body.classList.contains("dark"));
  card.show(calls);
}

function change(id: string, fields: Partial<CardCall>): void {
  show(calls.map((call) => (call.id === id ? { ...call, ...fields } : call)));
}

function ended(disposition: CardCall["disposition"]): Partial<CardCall> {
  return { state: "ended", disposition, ended_at: now() };
}

/** The manager's part is over; the call may continue. */
function over(result: CardCall["result"], fields: Partial<CardCall> = {}): Partial<CardCall> {
  return { state: "ended", result, ended_at: now(), can_hang_up: false, ...fields };
}

function call(fields: Partial<CardCall>): CardCall {
  created += 1;
  return {
    id: `office:${created}`,
    direction: "inbound",
    state: "ringing",
    number: "+7 916 123-45-67",
    raw_number: "+79161234567",
    client_extension: null,
    started_at: now() - 4,
    answered_at: null,
    ended_at: null,
    line: "+7 495 000-11-22",
    line_name: "Реклама",
    extension: "101",
    disposition: null,
    person: null,
    persons_count: 0,
    persons: [],
    chosen_by: null,
    next_task: null,
    fields: [...CARD_FIELDS],
    last_calls: [],
    is_looked_up: true,
    create_kind: "contact",
    can_create: false,
    can_create_deal: false,
    rings_since: null,
    result: null,
    failure: null,
    is_own: fields.direction === "outbound",
    can_hang_up: true,
    held_since: null,
    colleague: null,
    came: null,
    ...fields,
  };
}

const boris = { extension: "102", name: "Борис Климов" };
const anna = { extension: "101", name: "Анна Орлова" };

const known = (): Partial<CardCall> => ({
  person: {
    id: "55",
    kind: "contact",
    name: "Иван Сергеевич Петров",
    url: "/contacts/detail/55",
    company: { name: "ООО «Ромашка»", url: "/companies/detail/7" },
    responsible: { id: "610077", name: "Анна Ким" },
    emails: ["i.petrov@romashka.example"],
    deals: [
      { id: "9", name: "Остекление веранды", url: "/leads/detail/9", stage: "Переговоры", price: 248000 },
      { id: "8", name: "Окна на дачу, второй этаж", url: "/leads/detail/8", stage: "Замер назначен", price: 96500 },
    ],
  },
  persons_count: 1,
  next_task: { text: "Отправить расчёт по веранде и согласовать замер", due_at: now() + 86400 },
  can_create_deal: true,
  last_calls: [
    { at: now() - 3600, direction: "inbound", disposition: "missed", talk_seconds: 0, by: null },
    { at: now() - 90000, direction: "outbound", disposition: "answered", talk_seconds: 184, by: "Анна Ким" },
    { at: now() - 900000, direction: "inbound", disposition: "answered", talk_seconds: 42, by: "Олег Руденко" },
  ],
});

/** A missed call, and what Dozvon does about it. */
function withCallback(planned: CallbackAnswer["callback"]): CardCall[] {
  callback = planned;
  return [call({ ...known(), ...ended("missed") })];
}

const hostile = "<img src=x onerror=alert(1)>\u202Egnp.exe ".repeat(8);

const offered: OfferedClient = {
  campaign: "spring",
  campaign_name: "Весенний обзвон",
  entry: 7,
  name: "Иван Петров",
  number: "+7 916 123-45-67",
  comment: "Спрашивал про окна на дачу",
  script: "Добрый день! Удобно говорить?\nМы делали вам замер в апреле, и сейчас на веранды скидка.",
  url: "/contacts/detail/55",
  until: now() + 600,
};

/** A client of a campaign whom the person decides about; they have no call then. */
function shown(offer: OfferedClient | null, missed: string | null): CardCall[] {
  card.showOffer({ type: "offer", offer, missed, paused: false });
  return [];
}

const severalPersons = (): Partial<CardCall> => ({
  persons_count: 3,
  persons: [
    { id: "55", kind: "contact", name: "Иван Сергеевич Петров", company: "ООО «Ромашка»", responsible: "Анна Ким" },
    { id: "56", kind: "contact", name: "Мария Петрова", company: null, responsible: "Олег Руденко" },
    { id: "7", kind: "company", name: "ООО «Ромашка»", company: null, responsible: null },
  ],
});

const SCRIPT =
  "Добрый день! Меня зовут Анна, компания «Ромашка».\nУдобно говорить минуту?\n1. Напомнить о замере.\n2. Предложить рассрочку.\n3. Договориться о встрече.\n";

function ofCampaign(changes: Partial<NonNullable<CardCall["campaign"]>>): Partial<CardCall> {
  const campaign = { name: "Весенний обзвон", comment: "Просил звонить утром", script: SCRIPT, ...changes };
  return { ...known(), direction: "outbound", state: "talking", answered_at: now() - 12, campaign };
}

const scenes: Record<string, () => CardCall[]> = {
  ringing: () => [call(known())],
  talking: () => [call({ ...known(), state: "talking", answered_at: now() - 83 })],
  outgoing: () => [call({ ...known(), direction: "outbound", line: null, line_name: null })],
  unknown: () => [call({ number: "+7 903 555-01-02", raw_number: "+79035550102", can_create: true })],
  next_client: () => shown(offered, null),
  next_client_missed: () => shown(null, offered.campaign),
  listed: () => [
    call({
      direction: "outbound",
      can_create: true,
      listed: { name: "Иван Петров", campaign: "Весенний обзвон" },
    }),
  ],
  campaign: () => [call(ofCampaign({}))],
  campaign_rings: () => [call({ ...ofCampaign({}), state: "ringing", answered_at: null })],
  campaign_rings_long: () => [
    call({ ...ofCampaign({ script: SCRIPT.repeat(15) }), state: "ringing", answered_at: null }),
  ],
  campaign_remark: () => [call(ofCampaign({ script: "" }))],
  campaign_long: () => [call(ofCampaign({ script: SCRIPT.repeat(15) }))],
  campaign_hostile: () => [call(ofCampaign({ comment: hostile.repeat(20), script: "Ъ".repeat(5000) }))],
  campaign_chooser: () => [call({ ...ofCampaign({ script: SCRIPT.repeat(15) }), ...severalPersons() })],
  campaign_held: () => [call({ ...ofCampaign({ script: SCRIPT.repeat(15) }), held_since: now() - 5 })],
  campaign_transfer: () => [call({ ...ofCampaign({}), came: { how: "transfer", from: anna } })],
  campaign_folded: () => [call(ofCampaign({})), call({ ...known(), started_at: now() - 2 })],
  withheld: () => [call({ number: "", raw_number: null })],
  missed: () => withCallback(null),
  callback: () => withCallback({ state: "open", at: now() + 600, tries: 1, most: 3 }),
  callback_soon: () => withCallback({ state: "open", at: null, tries: 0, most: 3 }),
  callback_taken: () => withCallback({ state: "taken", at: null, tries: 1, most: 3 }),
  callback_removed: () => withCallback({ state: "removed", at: null, tries: 0, most: 3 }),
  elsewhere: () => [call({ ...known(), ...over("answered_elsewhere", { colleague: boris }) })],
  chooser: () => [call({ ...known(), ...severalPersons() })],
  held: () => [call({ ...known(), state: "talking", answered_at: now() - 83, held_since: now() - 12 })],
  late_task: () => [call({ ...known(), next_task: { text: "Перезвонить по замеру", due_at: now() - 7200 } })],
  few_fields: () => [call({ ...known(), fields: ["deals", "responsible"] })],
  busy: () => [call({ ...known(), direction: "outbound", line: null, line_name: null, ...over("busy") })],
  declined: () => [call({ ...known(), ...over("declined") })],
  transfer: () => [call({ ...known(), rings_since: now() - 3, came: { how: "transfer", from: anna } })],
  consultation: () => [
    call({
      ...known(),
      state: "talking",
      answered_at: now() - 20,
      can_hang_up: false,
      came: { how: "consultation", from: anna },
    }),
  ],
  transferred: () => [call({ ...known(), answered_at: now() - 65, ...over("transferred", { colleague: boris }) })],
  not_dialled: () => [
    call({ ...known(), direction: "outbound", line: null, ...over("failed", { failure: "agent_noanswer" }) }),
  ],
  ended: () => [call({ ...known(), answered_at: now() - 125, ...ended("answered") })],
  note: () => {
    note = { ...note, revision: 3, text: LONG_NOTE };
    return [call({ ...known(), state: "talking", answered_at: now() - 83 })];
  },
  note_conflict: () => {
    note = { ...note, revision: 3, text: LONG_NOTE };
    const talking = call({ ...known(), state: "talking", answered_at: now() - 83 });
    setTimeout(() => {
      const field = card.element.shadowRoot?.querySelector("textarea");
      if (!field) return;
      field.value = "Перезвонить в понедельник";
      field.dispatchEvent(new Event("input"));
      card.noteChanged(talking.id, { ...note, revision: 4, text: "Клиент просит счёт на двух листах и акт" });
    }, 50);
    return [talking];
  },
  note_unsaved: () => {
    note = { ...note, revision: 3, text: "error" };
    setTimeout(() => {
      const field = card.element.shadowRoot?.querySelector("textarea");
      if (!field) return;
      field.value = "error: сервер не отвечает";
      field.dispatchEvent(new Event("input"));
      field.dispatchEvent(new Event("blur"));
    }, 50);
    return [call({ ...known(), state: "talking", answered_at: now() - 83 })];
  },
  result_step: () => {
    setTimeout(() => {
      const root = card.element.shadowRoot;
      root?.querySelector<HTMLElement>(".chip")?.click();
      root?.querySelector<HTMLElement>(".step button")?.click();
    }, 50);
    return [call({ ...known(), answered_at: now() - 125, ...ended("answered") })];
  },
  result_changed: () => {
    setTimeout(() => card.element.shadowRoot?.querySelector<HTMLElement>(".done-result button")?.click(), 50);
    return scenes.result_done?.() ?? [];
  },
  result_done: () => {
    const next_step = { text: "Отправить расчёт", due_at: now() + 86_400 };
    note = { revision: 3, text: LONG_NOTE, result: "Заинтересован", next_step, result_at: now() };
    return [call({ ...known(), answered_at: now() - 125, ...ended("answered") })];
  },
  several: () => [
    call({ ...known(), started_at: now() - 2 }),
    call({
      state: "talking",
      answered_at: now() - 300,
      number: "+380 44 123 45 67",
      started_at: now() - 310,
      person: {
        id: "3",
        kind: "company",
        name: "ТОВ «Київські вікна»",
        url: "/companies/detail/3",
        company: null,
        responsible: null,
        emails: [],
        deals: [],
      },
      persons_count: 1,
    }),
    call({ number: "+7 812 000-00-00", can_create: true, started_at: now() - 40, ...ended("missed") }),
  ],
  hostile: () => [
    call({
      line: hostile,
      came: { how: "transfer", from: { extension: "1", name: hostile } },
      person: {
        id: "1",
        kind: "contact",
        name: hostile,
        url: "javascript:alert(1)",
        company: { name: hostile, url: "//evil.example" },
        responsible: { id: "2", name: hostile },
        emails: ["a@b.example?subject=x", hostile],
        deals: [{ id: "1", name: hostile, url: "data:text/html,x", stage: hostile, price: 9e15 }],
      },
      persons_count: 1,
      last_calls: [{ at: now() - 60, direction: "inbound", disposition: "missed", talk_seconds: 0, by: hostile }],
    }),
  ],
  none: () => [],
};

const pageButtons: Record<string, () => void> = {
  "Dark page": () => {
    document.body.classList.toggle("dark");
    show(calls);
  },
  Error: () => card.notice("error", texts.problem("no_extension")),
  Info: () => card.notice("info", texts.say("calling", { number: "+79161234567" })),
  "Link lost": () => card.setTrouble(true),
  "Link back": () => card.setTrouble(false),
  "Offer of notifications": () => card.setOffer(true),
  Minimise: () => card.setMinimised(true),
};

function buttons(place: string, actions: Record<string, () => void>): void {
  for (const [name, run] of Object.entries(actions)) {
    const button = document.createElement("button");
    button.textContent = name;
    button.addEventListener("click", run);
    document.getElementById(place)?.append(button);
  }
}

/** The settings window's part, beside the card. */
function showStatus(): void {
  const problems = query.get("status") === "bad" ? [{ code: "no_extension", text: "" }] : [];
  const view = new StatusView(
    {
      ...absenceServer,
      status: async () => ({
        ...(await absenceServer.status()),
        extension: problems.length ? null : "101",
        problems,
        is_admin: true,
      }),
      pages: async () => ({ url: "https://calls.example.com/from-crm?ticket=x" }),
      checkKey: async (key) => {
        if (key !== "dzv_right") throw new ApiError("key_mistyped", "");
        return { key: "Widget", office: "sales", finding: "no_consent", url: "https://calls.example.com/admin" };
      },
    },
    texts,
    "https://calls.example.com",
    (url) => void window.open(url, "_blank", "noopener"),
  );
  view.element.style.maxWidth = "460px";
  document.body.append(view.element);
  void view.refresh();
}

for (const [name, make] of Object.entries(scenes)) {
  const run = () => {
    shown(null, null);
    show(make());
  };
  buttons("calls", { [name]: run });
}
buttons("page", pageButtons);
card.setSound(choices.sound);
window.addEventListener("keydown", (event) => {
  if (isHotKey(event) && choices.hotKey && card.takeFocus()) event.preventDefault();
});
document.body.append(card.element);
document.body.classList.toggle("dark", query.has("dark"));
show(scenes[query.get("scene") ?? "none"]?.() ?? []);
if (query.has("notice")) card.notice("error", texts.problem(query.get("notice") ?? ""));
if (query.has("status")) showStatus();
if (query.has("trouble")) card.setTrouble(true);
if (query.has("offer")) card.setOffer(true);
if (query.has("minimised")) card.setMinimised(true);
if (query.has("open")) card.element.shadowRoot?.querySelector<HTMLElement>(query.get("open") ?? "")?.click();
