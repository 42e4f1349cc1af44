/* The frame of the CRM page: moving between pages without a reload, staying up to date, menus, windows, notifications.
   Lists and cards are in cards.js, widgets in widgets.js. */
(function () {
  "use strict";

  const boot = JSON.parse(document.getElementById("boot").textContent);
  const holder = document.getElementById("page_holder");
  const listeners = { page: [], before: [] };

  const crm = (window.CRM = {
    boot,
    t: boot.texts,
    place: boot.place,
    on: (name, run) => listeners[name].push(run),
    post,
    go,
    refresh,
    openMenu,
    closeMenus,
    openWindow,
    toast,
    el,
  });

  /* ---- small tools */

  function el(tag, attributes, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
      else if (value === true) node.setAttribute(name, "");
      else if (value !== false && value != null) node.setAttribute(name, value);
    }
    node.append(...children.filter((child) => child != null));
    return node;
  }

  async function post(url, body) {
    const answer = await fetch(url, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body || {}),
    });
    if (!answer.ok) throw new Error((await answer.text()) || String(answer.status));
    return answer.json();
  }

  /* ---- moving between pages */

  async function fragment(url) {
    const answer = await fetch(url, { headers: { "X-Fragment": "1" } });
    return answer.ok ? answer.json() : null;
  }

  async function go(url, options) {
    const page = await fragment(url).catch(() => null);
    if (!page) {
      window.location.href = url;
      return;
    }
    closeMenus();
    for (const run of listeners.before) run();
    if (!options || !options.back) history.pushState({}, "", url);
    show(page);
  }

  function show(page) {
    const changedArea = page.area !== crm.place.area;
    crm.place = { area: page.area, title: page.title, card: page.card };
    document.title = `${page.title} · ${boot.account.name}`;
    holder.innerHTML = page.html;
    badges(page);
    markMenu();
    for (const run of listeners.page) run({ changedArea });
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a.js-navigate-link");
    if (!link || event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const url = new URL(link.href, window.location.href);
    if (url.origin !== window.location.origin) return;
    event.preventDefault();
    go(url.pathname + url.search);
  });
  window.addEventListener("popstate", () => go(window.location.pathname + window.location.search, { back: true }));
  holder.addEventListener("submit", (event) => {
    const form = event.target.closest("[data-search]");
    if (!form) return;
    event.preventDefault();
    go(`${form.getAttribute("action")}?${new URLSearchParams(new FormData(form))}`);
  });

  function markMenu() {
    const path = window.location.pathname;
    const group = path.startsWith("/contacts") || path.startsWith("/companies") ? "/contacts/list/" : path;
    let best = null;
    for (const item of document.querySelectorAll("[data-nav]")) {
      item.classList.remove("is-current");
      const fits = group.startsWith(item.dataset.nav);
      if (fits && (!best || item.dataset.nav.length > best.dataset.nav.length)) best = item;
    }
    if (best) best.classList.add("is-current");
  }

  function badges(counts) {
    for (const badge of document.querySelectorAll("[data-badge]")) {
      const count = counts[badge.dataset.badge] || 0;
      badge.hidden = !count;
      badge.textContent = count > 99 ? "99+" : String(count);
    }
  }

  /* ---- staying up to date: regions marked data-live are merged child by child, so that what plays goes on playing */

  const sources = new WeakMap(); // a merged child -> the text it came from, before the page changed anything in it
  let looking = false;
  let again = false;
  async function refresh() {
    if (looking) {
      again = true;
      return;
    }
    looking = true;
    const url = window.location.pathname + window.location.search;
    const page = await fragment(url).catch(() => null);
    looking = false;
    if (page && url === window.location.pathname + window.location.search) {
      const fresh = el("div");
      fresh.innerHTML = page.html;
      for (const region of fresh.querySelectorAll("[data-live]")) {
        const old = holder.querySelector(`[data-live="${region.dataset.live}"]`);
        if (old) merge(old, region);
      }
      badges(page);
    }
    if (again) {
      again = false;
      refresh();
    }
  }

  function merge(old, fresh) {
    if (old.tagName === "TABLE") {
      mergeChildren(old.tBodies[0], fresh.tBodies[0]);
      document.dispatchEvent(new CustomEvent("crm:list"));
    } else mergeChildren(old, fresh);
  }

  function mergeChildren(old, fresh) {
    const known = new Map([...old.children].map((node) => [node.dataset.key, node]));
    let place = old.firstElementChild;
    for (const node of [...fresh.children]) {
      const mine = known.get(node.dataset.key);
      known.delete(node.dataset.key);
      let kept = node;
      if (mine && (sources.get(mine) || mine.outerHTML) === node.outerHTML) kept = mine;
      else if (mine && isBusy(mine)) kept = mine;
      const source = kept === node ? node.outerHTML : null;
      if (kept !== place) old.insertBefore(kept, place);
      else place = place.nextElementSibling;
      if (kept === node) {
        carryState(mine, node);
        sources.set(node, source);
        if (mine) {
          if (place === mine) place = mine.nextElementSibling;
          mine.remove();
        }
      }
    }
    for (const gone of known.values()) gone.remove();
  }

  function isBusy(node) {
    return [...node.querySelectorAll("audio")].some((player) => !player.paused) || node.querySelector(".menu:not([hidden])");
  }

  function carryState(mine, node) {
    const ticked = mine && mine.querySelector("[data-check]:checked");
    if (ticked) node.querySelector("[data-check]").checked = true;
    if (ticked) node.classList.add("is-selected");
  }

  /* Only while the tab is seen: a browser opens six connections to one host, and hidden tabs would take them all. */
  let stream = null;
  let timer = 0;
  let wasLost = true; // at first, too: nobody told us what changed after the page was made and before the stream opened
  function listen() {
    stream = new EventSource("/page/stream");
    stream.onopen = () => {
      if (wasLost) refresh();
      wasLost = false;
    };
    stream.onerror = () => {
      wasLost = true;
    };
    stream.onmessage = (event) => {
      const message = JSON.parse(event.data);
      if (message.kind === "popup") showPopup(message.popup);
      else if (message.kind === "changed" && !timer) {
        timer = setTimeout(() => {
          timer = 0;
          refresh();
        }, 120);
      }
    };
  }
  function unlisten() {
    if (stream) stream.close();
    stream = null;
    wasLost = true;
  }
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) unlisten();
    else if (!stream) listen();
  });
  window.addEventListener("beforeunload", unlisten);
  if (!document.hidden) listen();

  /* ---- menus and windows */

  function openMenu(menu, anchor) {
    closeMenus();
    menu.hidden = false;
    if (!menu.isConnected) {
      menu.dataset.temporary = "1";
      document.body.append(menu);
    }
    const box = anchor.getBoundingClientRect();
    const own = menu.getBoundingClientRect();
    const left = anchor.closest(".nav") ? box.right + 6 : Math.min(box.left, window.innerWidth - own.width - 12);
    const below = box.bottom + 4;
    const top = below + own.height > window.innerHeight - 8 ? Math.max(8, box.top - own.height - 4) : below;
    menu.style.left = `${left}px`;
    menu.style.top = `${anchor.closest(".nav") ? Math.max(8, box.bottom - own.height) : top}px`;
  }

  function closeMenus() {
    for (const menu of document.querySelectorAll(".menu")) {
      if (menu.dataset.temporary) menu.remove();
      else menu.hidden = true;
    }
  }

  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-menu]");
    if (opener) {
      const menu = document.getElementById(opener.dataset.menu);
      const wasOpen = !menu.hidden;
      closeMenus();
      if (!wasOpen) openMenu(menu, opener);
    } else if (!event.target.closest("[data-phone], [data-action='more']")) closeMenus();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") closeMenus();
  });

  /* The body of a modal window as amoCRM's own: .modal > .modal-scroller > .modal-body */
  function openWindow(className) {
    const body = el("div", { class: "modal-body" });
    const root = el("div", { class: `modal ${className || ""}` });
    const close = () => {
      root.remove();
      body.dispatchEvent(new CustomEvent("modal:destroyed"));
    };
    root.append(el("div", { class: "modal__shade", onclick: close }), el("div", { class: "modal-scroller" }, body));
    body.append(el("button", { class: "modal-body__close", type: "button", title: crm.t.close, onclick: close }, "×"));
    document.body.append(root);
    return { root, body, close };
  }

  document.addEventListener("click", async (event) => {
    const choice = event.target.closest("[data-login]");
    if (!choice) return;
    const [account, user] = choice.dataset.login.split(":").map(Number);
    await post("/page/login", { account_id: account, user_id: user });
    window.location.reload();
  });

  /* ---- notifications */

  function toast({ header, text, kind, buttons, seconds }) {
    const box = el("div", { class: `toast toast--${kind || "note"}`, role: "status" });
    box.append(el("button", { class: "toast__close", type: "button", onclick: () => box.remove() }, "×"));
    if (header) box.append(el("b", {}, header));
    if (text) box.append(el("div", {}, text));
    for (const button of buttons || []) box.append(button);
    document.getElementById("toasts").prepend(box);
    setTimeout(() => box.remove(), (seconds || 12) * 1000);
    return box;
  }

  function showPopup(popup) {
    if (popup.type !== "phone_call") {
      toast({ header: popup.header, text: popup.text, kind: "error" });
      return;
    }
    const entity = popup.entity;
    const button = entity
      ? el("a", { class: "button js-navigate-link", href: `/${entity.type}/detail/${entity.id}` }, crm.t.open_card)
      : el("button", { class: "button", type: "button", onclick: () => crm.newContact(popup.phone_number) }, crm.t.create_contact);
    const header = `${crm.t.incoming_call}: ${entity ? entity.name : crm.t.unknown_number}`;
    const box = toast({ header, text: popup.phone_number, kind: "call", buttons: [button], seconds: 30 });
    box.dataset.popup = popup.id;
  }

  badges(boot.badges);
  markMenu();
  if (!boot.vendor) document.body.append(el("div", { class: "banner", role: "alert" }, crm.t.vendor_missing));
})();
