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

function nameCountries(select) {
  const names = new Intl.DisplayNames([document.documentElement.lang], { type: "region" });
  for (const option of select.options) {
    if (option.value === option.textContent) option.textContent = names.of(option.value) ?? option.value;
  }
}

for (const form of document.querySelectorAll("form[data-keep]")) keep(form);
for (const select of document.querySelectorAll("select[name=country]")) nameCountries(select);
for (const form of document.querySelectorAll("form[data-zone]")) {
  const field = form.elements[form.dataset.zone];
  if (field && !field.value) field.value = Intl.DateTimeFormat().resolvedOptions().timeZone;
}
