import assert from "node:assert/strict";
import { test } from "node:test";
import { type OfferMessage, readServerMessage } from "../shared/messages";
import { PreviewView } from "../shared/preview_view";
import { Texts } from "../shared/texts";
import { FakeEnvironment, settled } from "./dom";

const NOW = 1_800_000_000;

function shows(changes: object = {}): OfferMessage {
  const offer = {
    campaign: "spring",
    campaign_name: "Spring",
    entry: 7,
    name: "Ivan",
    number: "+7 916 123-00-00",
    comment: "wants a kitchen",
    script: "Good morning!\n<b>",
    url: "/contacts/detail/7",
    until: NOW + 120,
    ...changes,
  };
  return { type: "offer", offer, missed: null, paused: true };
}
const NOBODY: OfferMessage = { type: "offer", offer: null, missed: null, paused: true };

function aView() {
  const environment = new FakeEnvironment();
  const pressed: string[] = [];
  const server = { pauses: true, meanwhile: () => {} };
  const view = new PreviewView(new Texts("en"), {
    open: (url) => pressed.push(`open ${url}`),
    press: async (action, campaign, entry) => {
      pressed.push(`${action} ${campaign} ${entry}`);
    },
    pause: async (paused) => {
      pressed.push(`pause ${paused}`);
      server.meanwhile();
      return server.pauses;
    },
    after: (ms, run) => environment.after(ms, run),
  });
  const click = (label: string) => {
    const button = [...view.element.querySelectorAll("button")].find((one) => one.textContent === label);
    assert.ok(button, label);
    button.click();
  };
  return { view, pressed, server, click, settle: () => environment.pass(700) };
}

test("the next client is shown with who they are, and nothing is pressed by itself", async () => {
  const { view, pressed, settle } = aView();
  assert.equal(view.isShown, false);
  view.show(shows(), NOW);
  await settle();
  assert.equal(view.isShown, true);
  const text = view.element.textContent ?? "";
  for (const word of [
    "Next client",
    "Ivan",
    "+7 916 123-00-00",
    "Spring",
    "wants a kitchen",
    "Good morning!\n<b>",
    "2:00",
  ]) {
    assert.ok(text.includes(word), word);
  }
  assert.deepEqual(pressed, []);
});

test("a script and a comment are shown whole, however long", async () => {
  const { view, settle } = aView();
  const script = `${"Line of the script\n".repeat(260)}The end`;
  const comment = `${"x".repeat(500)} and <img src=x>`;
  view.show(shows({ script, comment }), NOW);
  await settle();
  const texts = [...view.element.querySelectorAll(".guide p bdi")].map((one) => one.textContent);
  assert.deepEqual(texts, [comment, script]);
  assert.equal(view.element.querySelectorAll("img").length, 0);
});

test("call and skip name the client who is shown", async () => {
  const { view, pressed, click, settle } = aView();
  view.show(shows(), NOW);
  await settle();
  click("Call");
  view.show(shows({ entry: 8 }), NOW + 1);
  await settle();
  click("Skip");
  assert.deepEqual(pressed, ["call spring 7", "skip spring 8"]);
});

test("the second half of a double click does not decide about the next client", async () => {
  const { view, pressed, click, settle } = aView();
  view.show(shows(), NOW);
  click("Call");
  await settle();
  click("Skip");
  view.show(shows({ entry: 8 }), NOW + 1);
  click("Skip");
  assert.deepEqual(pressed, ["skip spring 7"]);
});

test("a client who is shown again by the same message keeps the buttons as they are", async () => {
  const { view, settle } = aView();
  view.show(shows(), NOW);
  await settle();
  const button = view.element.querySelector("button");
  view.show(shows(), NOW + 5);
  assert.equal(view.element.querySelector("button"), button);
  assert.equal(button?.disabled, false);
});

test("the client goes back to the list when the time is over", () => {
  const { view } = aView();
  view.show(shows(), NOW);
  view.tick(NOW + 119);
  assert.ok(view.element.textContent?.includes("0:01"));
  view.tick(NOW + 120);
  assert.equal(view.isShown, false);
});

test("who decided nothing says that they are there", async () => {
  const { view, pressed, click, settle } = aView();
  view.show({ ...NOBODY, missed: "spring" }, NOW);
  await settle();
  click("Show the next one");
  assert.deepEqual(pressed, ["ready spring null"]);
  view.show(NOBODY, NOW);
  assert.equal(view.isShown, false);
});

test("a pause is taken and ended where the client was shown", async () => {
  const { view, pressed, server, click, settle } = aView();
  view.show(shows(), NOW);
  await settle();
  server.pauses = false;
  click("Not now: pause campaigns");
  await settled();
  assert.ok(view.element.textContent?.includes("Ivan"), "it could not be said");
  server.pauses = true;
  click("Not now: pause campaigns");
  await settled();
  view.show(NOBODY, NOW);
  await settle();
  assert.ok(view.element.textContent?.includes("You have paused campaigns."));
  click("Go on");
  await settled();
  assert.equal(view.isShown, false);
  assert.deepEqual(pressed, ["pause true", "pause true", "pause false"]);
});

test("a pause that was ended elsewhere is not said any more", async () => {
  const { view, click, settle } = aView();
  view.show(shows(), NOW);
  await settle();
  click("Not now: pause campaigns");
  view.show(NOBODY, NOW); // before the answer
  await settled();
  assert.ok(view.element.textContent?.includes("You have paused campaigns."));
  view.show({ ...NOBODY, paused: false }, NOW + 1);
  assert.equal(view.isShown, false);
  view.show(NOBODY, NOW + 2); // paused again, and not here
  assert.equal(view.isShown, false);
});

test("who goes on keeps the client that came before the answer", async () => {
  const { view, server, click, settle } = aView();
  view.show(shows(), NOW);
  await settle();
  click("Not now: pause campaigns");
  await settled();
  await settle();
  server.meanwhile = () => view.show(shows({ entry: 8, name: "Maria" }), NOW + 5);
  click("Go on");
  await settled();
  assert.ok(view.element.textContent?.includes("Maria"));
});

test("a stranger's name is text, and a link leaves the CRM nowhere", async () => {
  const { view } = aView();
  view.show(shows({ name: "<img src=x onerror=alert(1)>", url: "javascript:alert(1)" }), NOW);
  assert.equal(view.element.querySelector("img"), null);
  assert.equal(view.element.querySelector("a"), null);
});

test("a broken message shows nobody", () => {
  for (const offer of [null, 5, "x", {}, { campaign: "spring" }, { campaign: 1, entry: 1, until: 1 }]) {
    assert.deepEqual(readServerMessage(JSON.stringify({ type: "offer", offer, missed: 7 })), NOBODY);
  }
  const read = readServerMessage(JSON.stringify({ ...shows({ name: 5, comment: null, script: undefined, url: {} }) }));
  assert.ok(read?.type === "offer" && read.offer);
  assert.deepEqual([read.offer.name, read.offer.comment, read.offer.script, read.offer.url], ["5", "", "", null]);
});
