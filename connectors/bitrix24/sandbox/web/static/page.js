/* The portal's page: what people press, live changes, call cards. host.js speaks to the frames of applications. */
"use strict";

(() => {
  const boot = JSON.parse(document.getElementById("boot").textContent);
  const t = boot.texts;
  const cards = document.getElementById("cards");
  window.portalPage = { click, toast, choose, reload: () => window.location.reload() };

  function toast(text) {
    const box = document.createElement("div");
    box.className = "toast";
    box.textContent = text;
    document.getElementById("toasts").append(box);
    setTimeout(() => box.remove(), 6000);
  }

  async function post(path, data) {
    const answer = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(data || {}),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(t[text] || text || t.failed);
    return JSON.parse(text);
  }

  const tell = (error) => toast(error.message || t.failed);

  function click(number, type, id) {
    return post("/page/click", { number, entity_type: type || "", entity_id: Number(id || 0) });
  }

  function fields(form) {
    const data = Object.fromEntries(new FormData(form));
    for (const box of form.querySelectorAll("input[type=checkbox]")) data[box.name] = box.checked;
    return data;
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    const set = button.dataset;
    if (set.tab) openTab(button);
    if (set.call) click(set.call, set.type, set.id).catch(tell);
    if (set.dayAction) post("/page/day", { action: set.dayAction }).then(() => window.location.reload(), tell);
    if ("close" in set) button.closest(".card, .slider").remove();
    if (set.placement) openPlacement(button).catch(tell);
    if ("webhook" in set) post("/page/webhooks").then(() => window.location.reload(), tell);
    if (set.appAction && (!set.confirm || window.confirm(set.confirm))) {
      const app = button.closest("[data-app]").dataset.app;
      post(`/page/apps/${app}/${set.appAction}`).then(({ url }) => window.location.assign(url), tell);
    }
  });

  /** An application's page behind a menu of a list, in a slider. */
  async function openPlacement({ dataset }) {
    const place = new URLSearchParams({ id: dataset.id || "", at: dataset.at });
    const answer = await fetch(`/page/placements/${dataset.placement}?${place}`);
    if (!answer.ok) throw new Error(t.failed);
    const box = document.createElement("template");
    box.innerHTML = await answer.text();
    document.body.append(box.content);
    window.frameHost.openAll(document.body);
  }

  /** The system dialogue that `BX24.selectCRM` opens: what was chosen by kind, or undefined. */
  async function choose({ entityType, multiple }) {
    const answer = await fetch(`/page/choose?${new URLSearchParams({ types: entityType.join(",") })}`);
    if (!answer.ok) throw new Error(t.failed);
    const found = await answer.json();
    const dialog = document.createElement("dialog");
    dialog.className = "choosing";
    dialog.innerHTML = `<form method="dialog"><ul></ul><button class="button" value="chosen"></button></form>`;
    dialog.querySelector("button").textContent = t.add;
    const list = dialog.querySelector("ul");
    for (const each of Object.values(found).flat()) {
      const [row, label, box] = ["li", "label", "input"].map((tag) => document.createElement(tag));
      Object.assign(box, { type: multiple ? "checkbox" : "radio", name: "chosen", value: each.id });
      label.append(box, each.title);
      row.append(label);
      list.append(row);
    }
    document.body.append(dialog);
    dialog.showModal();
    await new Promise((closed) => dialog.addEventListener("close", closed, { once: true }));
    const ids = new Set([...list.querySelectorAll(":checked")].map((box) => box.value));
    dialog.remove();
    if (dialog.returnValue !== "chosen") return undefined;
    const chosen = ([kind, rows]) => [kind, rows.filter((each) => ids.has(each.id))];
    return Object.fromEntries(Object.entries(found).map(chosen));
  }

  /** An application's tab is loaded when it is pressed for the first time. */
  function openTab(button) {
    for (const tab of button.parentElement.querySelectorAll("[role=tab]")) {
      const pane = document.getElementById(tab.getAttribute("aria-controls"));
      tab.setAttribute("aria-selected", String(tab === button));
      pane.hidden = tab !== button;
      if (tab !== button) continue;
      for (const form of pane.querySelectorAll("form[data-waits]")) form.dataset.opens = form.dataset.waits;
      window.frameHost.openAll(pane);
    }
  }

  document.addEventListener("change", (event) => {
    const set = event.target.dataset;
    if ("login" in set) post("/page/login", { user: event.target.value }).then(() => window.location.reload(), tell);
    if ("line" in set) post("/page/line", { line: event.target.value }).then(() => toast(t.saved), tell);
  });

  document.addEventListener("submit", (event) => {
    const form = event.target;
    const set = form.dataset;
    if (!set.comment && !set.appForm && !("callback" in set)) return;
    event.preventDefault();
    const path = set.comment ? `/page/${set.comment}/comments` : set.appForm ? `/page/apps/${set.appForm}` : "/page/callback";
    post(path, fields(form)).then(() => {
      if (!set.appForm) form.reset();
      toast(t.saved);
    }, tell);
  });

  // ---- live changes: only the parts without frames and without inputs are replaced

  let waiting = 0;
  function refresh() {
    clearTimeout(waiting);
    waiting = setTimeout(async () => {
      const live = document.querySelectorAll("[data-live]");
      if (!live.length) return;
      const answer = await fetch(window.location.href, { headers: { "X-Fragment": "1" } });
      if (!answer.ok) return;
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelectorAll("[data-live]");
      live.forEach((part, index) => {
        const isPlaying = [...part.querySelectorAll("audio")].some((player) => !player.paused);
        if (fresh[index] && !isPlaying && part.innerHTML !== fresh[index].innerHTML) part.replaceWith(fresh[index]);
      });
    }, 150);
  }

  async function showCard(id) {
    if (cards.querySelector(`[data-card="${id}"]`)) return;
    const answer = await fetch(`/page/cards/${id}`);
    if (!answer.ok || cards.querySelector(`[data-card="${id}"]`)) return;
    const box = document.createElement("template");
    box.innerHTML = await answer.text();
    cards.append(box.content);
    window.frameHost.openAll(cards);
  }

  // What an application saves while its card is closing takes a moment.
  const CLOSING_MS = 700;

  function hideCard(id) {
    const card = cards.querySelector(`[data-card="${id}"]`);
    if (!card || card.dataset.over) return;
    card.dataset.over = "1";
    const frames = [...card.querySelectorAll("iframe")];
    for (const frame of frames) window.frameHost.fire(frame, "CallCard::CallStateChanged", "idle");
    closeWhenFree(card, frames);
  }

  /** An application that has asked for it keeps the card: 65 s from its last wish, or until a person closes it. */
  function closeWhenFree(card, frames) {
    const until = Math.max(0, ...frames.map((frame) => Number(frame.dataset.heldUntil) || 0));
    if (until > Date.now()) {
      card.querySelector(".card__over").hidden = false;
      setTimeout(() => closeWhenFree(card, frames), 500);
      return;
    }
    for (const frame of frames) window.frameHost.fire(frame, "CallCard::BeforeClose", {});
    setTimeout(() => card.remove(), CLOSING_MS);
  }

  const stream = new EventSource("/page/stream");
  stream.onopen = refresh;
  stream.onmessage = (event) => {
    const message = JSON.parse(event.data);
    if (message.kind === "changed") refresh();
    if (message.kind === "call_card") showCard(message.call);
    if (message.kind === "call_card_hidden") hideCard(message.call);
    if (message.kind === "notice") toast(message.text);
  };

  setInterval(() => {
    for (const card of cards.querySelectorAll("[data-card]")) {
      const seconds = Math.max(0, Math.floor(Date.now() / 1000 - Number(card.dataset.started)));
      card.querySelector("[data-timer]").textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    }
  }, 500);
})();
