// The wizard's pages work without this script. It keeps half-filled forms and knows the browser's zone.
"use strict";

const KEEP_AFTER_MS = 800;

function keep(form) {
  let timer = 0;
  const send = () => {
    timer = 0;
    const fields = new URLSearchParams();
    for (const [name, value] of new FormData(form)) {
      const input = form.elements[name];
      if (typeof value === "string" && input?.type !== "password") fields.append(name, value);
    }
    fetch(form.dataset.keep, { method: "POST", body: fields, keepalive: true }).catch(() => {});
  };
  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(send, KEEP_AFTER_MS);
  });
  form.addEventListener("submit", () => {
    clearTimeout(timer);
    timer = 0;
  });
  addEventListener("pagehide", () => {
    if (timer) {
      clearTimeout(timer);
      send();
    }
  });
}

/** A keyboard goes on where the news is: at the first wrong field, at what was refused or found, else at the heading. */
function goToTheNews() {
  if (document.activeElement !== document.body) return;
  const part = location.hash.length > 1 ? document.getElementById(location.hash.slice(1)) : null;
  const news =
    document.querySelector("main [aria-invalid=true]") ??
    document.querySelector("main [role=alert]") ??
    part?.querySelector("h2") ??
    document.querySelector("main h1");
  if (!news) return;
  if (!news.matches("input, select, textarea")) news.tabIndex = -1;
  news.focus({ preventScroll: news.matches("h1") });
}

function nameCountries(select) {
  const names = new Intl.DisplayNames([document.documentElement.lang], { type: "region" });
  for (const option of select.options) {
    if (option.value === option.textContent) option.textContent = names.of(option.value) ?? option.value;
  }
}

/** What is to be entered depends on the choice: the server shows it. Without this script the answer to the form does. */
function showTheChosen(choice) {
  choice.addEventListener("change", (event) => {
    const address = new URL(choice.dataset.goes, location.href);
    address.searchParams.set(event.target.name, event.target.value);
    location.assign(address);
  });
}

for (const form of document.querySelectorAll("form[data-keep]")) keep(form);
for (const choice of document.querySelectorAll("[data-goes]")) showTheChosen(choice);
goToTheNews();
for (const select of document.querySelectorAll("select[name=country]")) nameCountries(select);
for (const form of document.querySelectorAll("form[data-zone]")) {
  const field = form.elements[form.dataset.zone];
  if (field && !field.value) field.value = Intl.DateTimeFormat().resolvedOptions().timeZone;
}
