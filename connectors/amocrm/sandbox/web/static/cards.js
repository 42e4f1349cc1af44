/* Lists, cards, incoming leads and tasks: what their buttons do. */
(function () {
  "use strict";

  const crm = window.CRM;
  const { t, el, post } = crm;
  const holder = document.getElementById("page_holder");

  /* ---- selection in lists */

  const rows = () => [...holder.querySelectorAll("tr[data-id]")];
  const ticked = () => rows().filter((row) => row.querySelector("[data-check]").checked);

  function showSelection() {
    const bar = holder.querySelector("[data-selection]");
    if (!bar) return;
    const chosen = ticked();
    for (const row of rows()) row.classList.toggle("is-selected", chosen.includes(row));
    bar.hidden = !chosen.length;
    bar.querySelector("[data-selected-count]").textContent = String(chosen.length);
    holder.querySelector("[data-check-all]").checked = chosen.length > 0 && chosen.length === rows().length;
  }

  /* In the shape of the widgets' list_selected() */
  crm.selected = () => {
    const chosen = ticked().map((row) => ({
      id: Number(row.dataset.id),
      type: row.dataset.type,
      phones: row.dataset.type === "lead" ? [] : JSON.parse(row.dataset.phones), // a lead's are its contacts'
      emails: [],
    }));
    return { count_selected: chosen.length, selected: chosen };
  };

  holder.addEventListener("change", (event) => {
    if (event.target.matches("[data-check-all]")) {
      for (const row of rows()) row.querySelector("[data-check]").checked = event.target.checked;
    }
    if (event.target.matches("[data-check-all], [data-check]")) showSelection();
  });
  document.addEventListener("crm:list", showSelection);

  function unselect() {
    for (const row of rows()) row.querySelector("[data-check]").checked = false;
    showSelection();
  }
  crm.unselect = unselect;

  async function deleteSelected() {
    const kind = holder.querySelector("[data-selection]").dataset.selection;
    const ids = crm.selected().selected.map((row) => row.id);
    if (!window.confirm(t.delete_question)) return;
    await post("/page/delete", { kind, ids });
    unselect();
  }

  function more(button) {
    const kind = holder.querySelector("[data-selection]").dataset.selection;
    const items = crm.widgetListActions(kind === "leads" ? "leads" : "contacts");
    const menu = el("div", { class: "menu" });
    for (const item of items) {
      const choose = () => {
        crm.closeMenus();
        item.run();
      };
      menu.append(el("button", { class: "menu__item", type: "button", "data-widget-action": item.code, onclick: choose }, item.icon, item.label));
    }
    if (!items.length) menu.append(el("div", { class: "menu__caption" }, t.no_widgets));
    crm.openMenu(menu, button);
  }

  /* ---- a number's menu */

  function phoneMenu(button) {
    const number = button.dataset.phone;
    const menu = el("div", { class: "menu", id: "phone_menu" }, el("div", { class: "menu__caption" }, number));
    for (const item of crm.widgetPhoneActions()) {
      const choose = () => {
        crm.closeMenus();
        item.run(number);
      };
      menu.append(el("button", { class: "menu__item", type: "button", "data-call-action": item.code, onclick: choose }, item.icon, item.label));
    }
    const copy = () => {
      crm.closeMenus();
      if (navigator.clipboard) navigator.clipboard.writeText(number);
    };
    menu.append(el("button", { class: "menu__item", type: "button", onclick: copy }, t.copy));
    crm.openMenu(menu, button);
  }

  /* ---- a new contact */

  crm.newContact = (phone) => {
    const view = crm.openWindow("modal--contact");
    const form = el(
      "form",
      {},
      el("h1", {}, t.new_contact),
      el("label", { class: "field" }, el("span", {}, t.name), el("input", { name: "name", required: true })),
      el("label", { class: "field" }, el("span", {}, t.phone), el("input", { name: "phone", value: phone || "" })),
      el("div", { class: "modal-body__buttons" }, el("button", { class: "button button--primary" }, t.create)),
    );
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const made = await post("/page/contacts", Object.fromEntries(new FormData(form)));
      view.close();
      crm.go(made.url);
    });
    view.body.append(form);
    form.elements.name.focus();
  };

  function addPhone() {
    const view = crm.openWindow("modal--phone");
    const form = el(
      "form",
      {},
      el("h1", {}, t.add_phone),
      el("label", { class: "field" }, el("span", {}, t.phone), el("input", { name: "phone", required: true })),
      el("div", { class: "modal-body__buttons" }, el("button", { class: "button button--primary" }, t.save)),
    );
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      await post(cardUrl(), { phone: form.elements.phone.value });
      view.close();
    });
    view.body.append(form);
    form.elements.phone.focus();
  }

  /* ---- cards */

  function cardUrl() {
    const card = holder.querySelector("[data-card]");
    return `/page/${card.dataset.card}/${card.dataset.id}`;
  }

  holder.addEventListener("submit", async (event) => {
    const form = event.target.closest("[data-compose]");
    if (!form) return;
    event.preventDefault();
    const text = form.elements.text.value.trim();
    if (!text) return;
    form.elements.text.value = "";
    await post(`${cardUrl()}/notes`, { text });
  });

  function completeTask(button) {
    const view = crm.openWindow("modal--task");
    const form = el(
      "form",
      {},
      el("h1", {}, t.task_done),
      el("label", { class: "field" }, el("span", {}, t.task_result), el("textarea", { name: "result", rows: 2 })),
      el("div", { class: "modal-body__buttons" }, el("button", { class: "button button--primary" }, t.task_done)),
    );
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      await post(`/page/tasks/${button.dataset.complete}/complete`, { result: form.elements.result.value });
      view.close();
    });
    view.body.append(form);
    form.elements.result.focus();
  }

  async function settle(button) {
    const uid = button.closest("[data-unsorted]").dataset.unsorted;
    button.disabled = true;
    const { url } = await post(`/page/unsorted/${uid}/${button.dataset.settle}`);
    if (url) crm.go(url);
  }

  const actions = {
    delete: deleteSelected,
    more,
    unselect,
    "new-contact": () => crm.newContact(),
    "add-phone": addPhone,
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    const data = button.dataset;
    if (data.phone) phoneMenu(button);
    else if (data.settle) settle(button);
    else if (data.complete) completeTask(button);
    else if (data.stage) post(cardUrl(), { status_id: Number(data.stage) });
    else if (data.owner) post(cardUrl(), { responsible_user_id: Number(data.owner) });
    else if (actions[data.action]) actions[data.action](button);
  });

})();
