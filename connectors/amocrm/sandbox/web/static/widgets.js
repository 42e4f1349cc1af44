/* The CRM's side of widgets: the globals APP/AMOCRM, the modules they may ask for, the object they are given, and when
   their callbacks run. Written after the developer documentation; what is not documented is left out. */
(function () {
  "use strict";

  const crm = window.CRM;
  const { boot, t, el, post } = crm;
  if (!boot.vendor) {
    crm.widgetPhoneActions = () => [];
    crm.widgetListActions = () => [];
    crm.widgets = new Map();
    return;
  }
  const $ = window.jQuery;
  const running = new Map(); // client_id -> the widget that was started
  crm.widgets = running;

  /* ---- globals */

  const constants = {
    user: boot.user,
    account: boot.account,
    managers: boot.managers,
    groups: boot.groups,
    task_types: boot.task_types,
  };
  const seconds = (value) => (value ? new Date(value * 1000).toLocaleTimeString(boot.lang, { hour: "2-digit", minute: "2-digit" }) : "");
  const APP = {
    constant: (name) => constants[name],
    isCard: () => Boolean(crm.place.card),
    getBaseEntity: () => (crm.place.card ? crm.place.card.entity : { clist: "contacts", comlist: "companies", llist: "leads", leads: "leads" }[crm.place.area] || null),
    getWidgetsArea: () => crm.place.area,
    lang_id: boot.lang,
    data: { current_card: { id: crm.place.card ? crm.place.card.id : undefined } },
    system: { domain: boot.account.domain, server_time: () => Math.floor(Date.now() / 1000) },
    sdk: { showUserStatus: () => Promise.resolve({}) },
    widgets: { list: {} }, // by code; not documented, but widgets in the field read it (README: second telephony)
    router: { navigate: (url) => crm.go(url) },
    notifications: {
      show_notification: ({ text, type, date }) => {
        crm.toast({ header: text.header, text: [text.text, seconds(date)].filter(Boolean).join(" · "), kind: type });
      },
      show_message: ({ header, text }) => crm.toast({ header, text }),
      show_message_error: ({ header, text }) => crm.toast({ header, text, kind: "error" }),
      add_error: ({ header, text }) => crm.toast({ header, text, kind: "error" }),
      add_call: ({ text, from, to, duration, date, element, click_link }) => {
        const kind = { contact: "contacts", lead: "leads", company: "companies" }[element && element.type];
        const href = click_link || (kind ? `/${kind}/detail/${element.id}` : null);
        const facts = [text, [from, to].filter(Boolean).join(" → "), duration ? `${duration} ${t.talk_seconds}` : "", seconds(date)];
        const open = href ? el("a", { class: "button js-navigate-link", href }, t.open_card) : null;
        crm.toast({ header: t.phone_call, text: facts.filter(Boolean).join(" · "), kind: "call", buttons: open ? [open] : [] });
      },
    },
  };
  window.APP = APP;
  window.AMOCRM = APP;

  /* ---- modules */

  window.require.config({ waitSeconds: 15 });
  window.define("jquery", [], () => $);
  window.define("lib/components/base/modal", ["jquery"], () => {
    /* new Modal({ class_name, init($body), destroy() }) */
    return function Modal(options) {
      const view = crm.openWindow((options && options.class_name) || "");
      const $body = $(view.body);
      this.options = options || {};
      this.destroy = () => view.close();
      view.body.addEventListener("modal:destroyed", () => this.options.destroy && this.options.destroy());
      $body.on("modal:loaded modal:centrify", () => {});
      $body.on("click", ".js-modal-close, .modal-body__close", () => view.close());
      if (this.options.init) this.options.init($body);
    };
  });

  /* ---- the object that a widget's constructor is given methods on */

  function lookup(tree, path) {
    return path.split(".").reduce((node, key) => (node == null ? undefined : node[key]), tree);
  }

  function methods(entry) {
    const settings = { ...entry.fields, widget_code: entry.code, path: entry.path, version: entry.version, active: entry.active ? "Y" : "N", widget_active: entry.active ? "Y" : "N" };
    return {
      params: { ...settings, cdn_path: entry.path, widget_code: entry.code },
      langs: entry.texts,
      _actions: {},
      _sources: {},
      system: () => ({
        area: crm.place.area,
        subdomain: boot.account.subdomain,
        domain: boot.account.domain,
        amouser: boot.user.login,
        amouser_id: boot.user.id,
        amohash: "",
      }),
      get_settings: () => ({ ...settings }),
      set_settings: (values) => Object.assign(settings, values),
      i18n: (path) => lookup(entry.texts, path),
      set_lang(values) {
        Object.assign(this.langs, values);
      },
      get_version: () => entry.version,
      get_install_status: () => entry.status,
      set_status: (status) => {
        if (status !== "error") entry.status = status;
      },
      get_accounts_current: () => boot.account,
      get_pipeline_id: () => Number((window.location.pathname.match(/pipeline\/(\d+)/) || [])[1]) || null,
      list_selected: () => crm.selected(),
      widgetsOverlay: (on) => {
        document.getElementById("widgets_area").hidden = !on;
      },
      add_action(type, run) {
        this._actions[type] = run;
      },
      add_source(type, run) {
        this._sources[type] = run;
      },
      render: (template, params) => renderTemplate(entry, template, params),
      render_template(parts, params) {
        const area = document.getElementById("widgets_area");
        area.hidden = false;
        const html = this.render({ data: parts.render || "" }, params);
        area.append(el("div", { class: (parts.caption && parts.caption.class_name) || "" }));
        area.lastElementChild.innerHTML = (parts.body || "") + (html || "");
        return area.lastElementChild;
      },
      crm_post: (url, data, done, type, failed) => crmPost(url, data, done, type, failed),
      $authorizedAjax: (options) => authorizedAjax(entry, options),
    };
  }

  /* {{ name }} and {{ name.part }} only; a widget that needs all of twig brings its own. */
  function renderTemplate(entry, template, params) {
    const fill = (text) => text.replace(/\{\{\s*([\w.]+)\s*\}\}/g, (_all, path) => $("<i>").text(lookup(params || {}, path) ?? "").html());
    if (template.data != null) return fill(template.data);
    const base = template.base_path || entry.path;
    $.get(`${base}${template.href}?v=${entry.version}`, (text) => template.load && template.load({ render: (values) => fill(text, values) }), "text");
    return "";
  }

  function crmPost(url, data, done, type, failed) {
    return $.ajax({
      url: "/page/crm_post",
      method: "POST",
      contentType: "application/json",
      data: JSON.stringify({ url, data: $.param(data || {}) }),
      dataType: type || "json",
    }).then(done, failed);
  }

  /* $.ajax with a fresh one-time token in X-Auth-Token */
  function authorizedAjax(entry, options) {
    const result = $.Deferred();
    $.ajax({ url: "/page/widget_token", method: "POST", contentType: "application/json", data: JSON.stringify({ client_id: entry.client_id }) }).then(
      ({ token }) => $.ajax({ ...options, headers: { ...options.headers, "X-Auth-Token": token } }).then(result.resolve, result.reject),
      result.reject,
    );
    return result.promise();
  }

  /* ---- life */

  function start(entry) {
    if (running.has(entry.client_id)) return Promise.resolve(running.get(entry.client_id));
    return new Promise((resolve) => {
      if (entry.has_style) document.head.append(el("link", { rel: "stylesheet", href: `${entry.path}/style.css?v=${entry.version}` }));
      const url = `${entry.path}/script.js?v=${entry.version}`;
      window.require(
        [url],
        (Constructor) => resolve(make(entry, Constructor)),
        (error) => {
          window.require.undef(url);
          failed(entry, error);
          resolve(null);
        },
      );
    });
  }

  function failed(entry, error) {
    console.error(`widget ${entry.code}`, error);
    crm.toast({ header: t.widget_failed, text: `${entry.texts.widget.name}: ${error && error.message}`, kind: "error" });
  }

  function make(entry, Constructor) {
    try {
      Object.assign(Constructor.prototype, methods(entry));
      const made = new Constructor();
      const widget = made && made.callbacks ? made : null;
      if (!widget) throw new Error("no callbacks");
      running.set(entry.client_id, widget);
      APP.widgets.list[entry.code] = widget;
      widget.entry = entry;
      run(widget);
      return widget;
    } catch (error) {
      failed(entry, error);
      return null;
    }
  }

  /* render must return true; then init and bind_actions */
  function run(widget) {
    const { render, init, bind_actions } = widget.callbacks;
    if (!render || !init || !bind_actions) throw new Error("render, init and bind_actions are obligatory");
    if (render.call(widget) !== true) return;
    if (init.call(widget) !== true) return;
    bind_actions.call(widget);
  }

  function stop(entry) {
    const widget = running.get(entry.client_id);
    if (!widget) return;
    running.delete(entry.client_id);
    delete APP.widgets.list[entry.code];
    if (widget.callbacks.destroy) widget.callbacks.destroy.call(widget);
  }
  crm.startWidget = start;
  crm.stopWidget = stop;

  const areas = { lcard: "lcard", ccard: "ccard", comcard: "comcard", clist: "clist", llist: "llist", tlist: "tlist", settings: "settings", advanced_settings: "advanced_settings" };
  function belongsHere(entry) {
    const area = areas[crm.place.area];
    return entry.locations.some((location) => location === "everywhere" || (area && location.replace(/-[01]$/, "") === area));
  }

  function arrive() {
    APP.data.current_card.id = crm.place.card ? crm.place.card.id : undefined;
    for (const entry of boot.widgets) if (entry.active && belongsHere(entry)) start(entry);
  }

  /* Leaving a place ends the widgets that are not init_once; they are made again where they belong. */
  crm.on("before", () => {
    for (const entry of boot.widgets) if (!entry.init_once) stop(entry);
  });
  crm.on("page", arrive);

  /* ---- what widgets add to the page */

  const icon = (entry) => el("img", { src: `${entry.path}/images/logo_min.png?v=${entry.version}`, alt: "" });
  crm.widgetPhoneActions = () =>
    [...running.values()]
      .filter((widget) => widget._actions.phone)
      .map((widget) => ({
        code: widget.entry.code,
        label: widget.entry.texts.widget.call_action || widget.entry.texts.widget.name,
        icon: icon(widget.entry),
        run: (value) => widget._actions.phone.call(widget, { value, type: "phone" }),
      }));
  crm.widgetListActions = (kind) =>
    [...running.values()]
      .filter((widget) => widget.callbacks[kind] && widget.callbacks[kind].selected)
      .filter((widget) => widget.entry.locations.some((location) => location.startsWith(kind === "leads" ? "llist" : "clist")))
      .map((widget) => ({
        code: widget.entry.code,
        label: widget.entry.texts.widget.name,
        icon: icon(widget.entry),
        run: () => widget.callbacks[kind].selected.call(widget),
      }));

  arrive();
})();
