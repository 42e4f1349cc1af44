/* Settings > Integrations: upload, the widget's window (install, settings, switching off), keys. */
(function () {
  "use strict";

  const crm = window.CRM;
  const { boot, t, el, post } = crm;
  const holder = document.getElementById("page_holder");

  holder.addEventListener("change", async (event) => {
    if (!event.target.matches("[data-upload]")) return;
    const form = new FormData();
    form.append("archive", event.target.files[0]);
    event.target.value = "";
    const answer = await fetch("/page/integrations/upload", { method: "POST", body: form });
    const problems = holder.querySelector("[data-upload-problems]");
    if (answer.ok) {
      window.location.reload();
      return;
    }
    const isList = (answer.headers.get("Content-Type") || "").includes("json");
    const errors = isList ? (await answer.json()).errors : [await answer.text()];
    problems.hidden = false;
    problems.replaceChildren(el("b", {}, t.upload_error), el("ul", {}, ...errors.map((error) => el("li", {}, error))));
  });

  holder.addEventListener("click", async (event) => {
    const tile = event.target.closest("[data-widget]");
    if (tile) openWidget(boot.widgets.find((entry) => entry.code === tile.dataset.widget));
    const issue = event.target.closest("[data-issue-token]");
    if (issue) {
      const { token } = await post("/page/integrations/long_lived", { client_id: issue.dataset.issueToken });
      const place = holder.querySelector(".keys__token");
      place.hidden = false;
      place.value = token;
      place.select();
    }
  });

  async function openWidget(entry) {
    const view = crm.openWindow(entry.code);
    view.root.dataset.widgetWindow = entry.code;
    const notice = el("div", { class: "widget-window__notice" }, entry.notice || "");
    const fields = el("div", { class: "widget_settings_block__fields" });
    const agree = el("input", { type: "checkbox", disabled: !entry.is_admin, "data-consent": true });
    const buttons = el("div", { class: "modal-body__buttons" });
    const right = el(
      "div",
      {},
      el("h1", {}, entry.texts.widget.name),
      el("span", { class: `pill${entry.active ? " pill--good" : ""}` }, entry.active ? t.installed : t.not_installed),
      el("span", { class: "quiet" }, ` ${t.version} ${entry.version}`),
      el("p", {}, entry.texts.widget.description),
      fields,
      el("label", { class: "agree" }, agree, t.consent),
      buttons,
      notice,
    );
    const logo = el("div", {}, el("img", { src: `${entry.path}/images/logo_main.png?v=${entry.version}`, alt: "" }));
    view.body.append(el("div", { class: "widget-window" }, logo, right));
    if (entry.advanced && entry.active) {
      const link = el("a", { class: "js-navigate-link", href: `/settings/widgets/${entry.code}/`, onclick: () => view.close() }, t.advanced);
      logo.append(el("p", {}, link));
    }
    if (!entry.is_admin) notice.textContent = t.admin_only;
    const main = el("button", { class: "button button--primary js-widget-save", type: "button", disabled: true }, entry.active ? t.save : t.install);
    const off = el("button", { class: "button js-widget-uninstall", type: "button", disabled: true }, t.uninstall);
    agree.addEventListener("change", () => {
      main.disabled = off.disabled = !agree.checked;
    });
    buttons.append(main);
    if (entry.active) buttons.append(off);
    drawFields(entry, fields);
    main.addEventListener("click", () => guarded([main, off], notice, () => (entry.active ? save(entry, view, fields) : install(entry, view))));
    off.addEventListener("click", () => guarded([main, off], notice, () => uninstall(entry, view, fields)));
    const widget = entry.active ? await crm.startWidget(entry) : null;
    if (widget && widget.callbacks.settings) widget.callbacks.settings.call(widget, window.jQuery(view.body));
  }

  async function guarded(buttons, notice, act) {
    for (const button of buttons) button.disabled = true;
    try {
      await act();
    } catch (error) {
      notice.textContent = error.message;
      for (const button of buttons) button.disabled = false;
    }
  }

  function drawFields(entry, place) {
    for (const [key, rule] of Object.entries(entry.settings)) {
      const label = rule.name.split(".").reduce((node, step) => (node == null ? node : node[step]), entry.texts) || key;
      const value = entry.fields[key] == null ? "" : entry.fields[key];
      if (rule.type === "users" || rule.type === "users_lp") place.append(usersField(key, label, value));
      else if (rule.type === "custom") {
        const own = el("div", { id: `${entry.code}_custom_content`, class: "widget_settings_block__item_field" });
        place.append(own, el("input", { type: "hidden", name: key, value: String(value) }));
      } else {
        const input = el("input", { type: rule.type === "pass" ? "password" : "text", name: key, value: String(value), required: rule.required });
        place.append(el("label", { class: "field widget_settings_block__item_field" }, el("span", {}, label), input));
      }
    }
  }

  function usersField(key, label, value) {
    const known = typeof value === "string" ? JSON.parse(value || "{}") : value;
    const box = el("div", { class: "field", "data-users": key }, el("span", {}, label));
    for (const manager of Object.values(boot.managers)) {
      if (!manager.active) continue;
      box.append(el("label", { class: "field" }, el("span", {}, manager.title), el("input", { type: "text", "data-user": manager.id, value: known[manager.id] || "" })));
    }
    return box;
  }

  function values(place) {
    const found = {};
    for (const input of place.querySelectorAll("input[name]")) found[input.name] = input.value;
    for (const box of place.querySelectorAll("[data-users]")) {
      const inputs = [...box.querySelectorAll("[data-user]")].filter((input) => input.value);
      found[box.dataset.users] = JSON.stringify(Object.fromEntries(inputs.map((input) => [input.dataset.user, input.value])));
    }
    return found;
  }

  /* The widget may refuse: onSave returns true or a promise of it. */
  async function agreed(entry, active, fields) {
    const widget = crm.widgets.get(entry.client_id);
    if (!widget || !widget.callbacks.onSave) return;
    const answer = await widget.callbacks.onSave.call(widget, { active, fields });
    if (answer === false) throw new Error(t.widget_failed);
  }

  async function install(entry, view) {
    const { status, notice } = await post("/page/integrations/install", { client_id: entry.client_id, consent: true });
    Object.assign(entry, { active: true, status, notice });
    const widget = await crm.startWidget(entry);
    if (widget && widget.callbacks.onInstall) widget.callbacks.onInstall.call(widget);
    view.close();
    openWidget(entry);
    crm.refresh();
  }

  async function save(entry, view, place) {
    const fields = values(place);
    await agreed(entry, "Y", fields);
    await post("/page/integrations/save", { client_id: entry.client_id, fields });
    entry.fields = fields;
    view.close();
  }

  async function uninstall(entry, view, place) {
    await agreed(entry, "N", values(place));
    crm.stopWidget(entry);
    const { status, notice } = await post("/page/integrations/uninstall", { client_id: entry.client_id });
    Object.assign(entry, { active: false, status, notice });
    view.close();
    crm.refresh();
  }

  async function advanced() {
    const place = holder.querySelector("[data-advanced]");
    const entry = place && boot.widgets.find((each) => each.code === place.dataset.advanced);
    const widget = entry && entry.active ? await crm.startWidget(entry) : null;
    if (widget && widget.callbacks.advancedSettings) widget.callbacks.advancedSettings.call(widget);
  }
  crm.on("page", advanced);
  advanced();
})();
