/*
 * What the pages do beyond links and forms: questions in a dialog, copying, a busy button, and pages that change by
 * themselves. Without this script everything works too, only less comfortably. Served as it is: no build step.
 */
"use strict";

/* ---- dialogs: `data-opens` names one, `data-closes` closes the one around it ---- */

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-opens], [data-closes], [data-copies]");
  if (!button) return;
  if (button.dataset.opens) {
    const dialog = document.getElementById(button.dataset.opens);
    if (!dialog?.showModal) return;
    event.preventDefault();
    dialog.showModal();
    dialog.querySelector("[data-closes]")?.focus(); // Enter must not do what is dangerous
  } else if ("closes" in button.dataset) {
    button.closest("dialog")?.close(); // the browser gives the focus back to the opener
  } else {
    copy(button);
  }
});

/* ---- copying ---- */

async function copy(button) {
  const label = button.dataset.label ?? button.textContent;
  button.dataset.label = label;
  try {
    await navigator.clipboard.writeText(button.dataset.copies);
  } catch {
    selectBeside(button); // no permission, or no TLS: then Ctrl+C copies it
    if (!document.execCommand("copy")) return;
  }
  button.textContent = button.dataset.copied;
  announce(button.dataset.copied);
  setTimeout(() => {
    button.textContent = label;
  }, 2000);
}

function selectBeside(button) {
  const text = button.parentElement.querySelector("pre");
  if (text) getSelection().selectAllChildren(text);
}

function announce(text) {
  let place = document.getElementById("announced");
  if (!place) {
    place = document.createElement("div");
    place.id = "announced";
    place.className = "unseen";
    place.setAttribute("role", "status");
    document.body.append(place);
  }
  place.textContent = text;
}

/* ---- a form that was sent says so, if the answer takes long ---- */

document.addEventListener("submit", (event) => {
  const button = event.submitter;
  if (!button || event.defaultPrevented) return;
  setTimeout(() => button.setAttribute("aria-busy", "true"), 500);
});
addEventListener("pageshow", () => {
  for (const button of document.querySelectorAll("[aria-busy]")) button.removeAttribute("aria-busy");
});

/* ---- pages that change by themselves ---- */

const ATTRIBUTES_OF_PEOPLE = new Set(["open", "value", "checked", "hidden", "aria-busy"]);

/** Whether a person has changed this field since the page came. */
function isTyped(field) {
  if (field.matches("input[type=checkbox], input[type=radio]")) return field.checked !== field.defaultChecked;
  if (field.matches("input, textarea")) return field.value !== field.defaultValue;
  if (field.matches("select")) return [...field.options].some((each) => each.selected !== each.defaultSelected);
  return false;
}

/** Make `now` like `wanted` in place: what stays the same keeps its element, and so its focus, text and sound. */
function morph(now, wanted) {
  if (now.nodeType !== Node.ELEMENT_NODE) {
    if (now.nodeValue !== wanted.nodeValue) now.nodeValue = wanted.nodeValue;
    return;
  }
  if (now.matches("dialog[open]") || now.isEqualNode(wanted) || isTyped(now)) return;
  for (const { name } of [...now.attributes]) {
    if (!wanted.hasAttribute(name) && !ATTRIBUTES_OF_PEOPLE.has(name)) now.removeAttribute(name);
  }
  for (const { name, value } of wanted.attributes) {
    if (now.getAttribute(name) !== value && !(ATTRIBUTES_OF_PEOPLE.has(name) && now.matches("details, dialog"))) {
      now.setAttribute(name, value);
    }
  }
  morphChildren(now, wanted);
}

function morphChildren(now, wanted) {
  const named = new Map([...now.children].filter((each) => each.id).map((each) => [each.id, each]));
  let place = now.firstChild;
  for (const next of [...wanted.childNodes]) {
    const same = next.id ? named.get(next.id) : place;
    if (same && !(same.id && same.id !== next.id) && same.nodeName === next.nodeName) {
      if (same === place) place = place.nextSibling;
      else now.insertBefore(same, place);
      morph(same, next);
    } else {
      now.insertBefore(next, place);
    }
  }
  while (place) {
    const after = place.nextSibling;
    const isInUse = place.contains(document.activeElement) || place.matches?.("dialog[open]");
    if (!isInUse) place.remove();
    place = after;
  }
}

let readAt = performance.timeOrigin; // when the reading of what is shown began: milliseconds since 1970

/** Read this page again and take over its regions. */
async function refresh() {
  const begun = Date.now();
  const answer = await fetch(location.href, { headers: { "X-Dozvon-Live": "1" }, cache: "no-store" });
  if (answer.redirected && !answer.url.startsWith(location.origin + location.pathname)) {
    location.reload(); // signed out, or what the page showed is gone
    return;
  }
  if (!answer.ok) throw new Error(String(answer.status));
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const region of document.querySelectorAll("[data-region]")) {
    const wanted = page.querySelector(`[data-region="${CSS.escape(region.dataset.region)}"]`);
    if (wanted) morph(region, wanted);
  }
  const badges = page.querySelector("#menu nav");
  if (badges) morph(document.querySelector("#menu nav"), badges);
  readAt = begun;
  prepare();
}

const APART_MS = 1000; // between two readings, however much changes
const AGAIN_MS = 2000;
const AGAIN_AT_MOST_MS = 30_000;

class Live {
  constructor(address) {
    this.address = address;
    this.source = null;
    this.timer = 0;
    this.lastRead = 0;
    this.pause = AGAIN_MS;
    this.isReading = false;
    this.isStale = false;
    document.addEventListener("visibilitychange", () => (document.hidden ? this.close() : this.open()));
    addEventListener("pagehide", () => this.close());
    addEventListener("pageshow", (event) => event.persisted && this.open());
    addEventListener("online", () => {
      this.pause = AGAIN_MS; // the network is back: what it refused before says nothing about the next try
      this.open();
    });
    if (!document.hidden) this.open();
  }

  /** A hidden tab has no stream: browsers allow six connections to one address. */
  open() {
    this.close();
    // The page was read before: the server says at once if it is out of date by now.
    this.source = new EventSource(`${this.address}?age=${((Date.now() - readAt) / 1000).toFixed(3)}`);
    this.source.addEventListener("open", () => {
      this.pause = AGAIN_MS;
      this.lost(false);
    });
    this.source.addEventListener("changed", () => this.read());
    this.source.addEventListener("over", () => location.reload()); // the session has ended
    this.source.addEventListener("error", () => this.again());
  }

  close() {
    clearTimeout(this.timer);
    this.source?.close();
    this.source = null;
  }

  again() {
    this.close();
    this.lost(true);
    this.timer = setTimeout(() => this.recover(), this.pause * (0.75 + Math.random() / 2));
    this.pause = Math.min(this.pause * 2, AGAIN_AT_MOST_MS);
  }

  /** First the page: it says more than a stream that does not open, for example that the session has ended. */
  async recover() {
    try {
      await refresh();
      this.open();
    } catch {
      this.again();
    }
  }

  lost(isLost) {
    const said = document.getElementById("live-lost");
    if (said) said.hidden = !isLost;
  }

  async read() {
    if (this.isReading) {
      this.isStale = true;
      return;
    }
    this.isReading = true;
    const wait = this.lastRead + APART_MS - Date.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    this.isStale = false;
    this.lastRead = Date.now();
    try {
      await refresh();
    } catch {
      this.again();
    }
    this.isReading = false;
    if (this.isStale) this.read();
  }
}

/** Buttons that need this script. */
function prepare() {
  for (const button of document.querySelectorAll("[data-copies][hidden]")) button.hidden = false;
}

prepare();
const live = document.querySelector("[data-live]");
if (live && window.EventSource) new Live(live.dataset.live);
