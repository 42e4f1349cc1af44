/* The script that applications load from the vendor's host, as far as the sandbox supports it: BX24 in an iframe. */
"use strict";

(() => {
  const place = new URLSearchParams(window.location.search);
  const sid = place.get("APP_SID") || "";
  const origin = `${place.get("PROTOCOL") === "1" ? "https" : "http"}://${place.get("DOMAIN") || ""}`;
  const waiting = new Map();
  let init = null;
  let count = 0;
  const ready = [];

  function send(command, params, callback, keeps) {
    const key = `bx${++count}`;
    if (callback) waiting.set(key, { callback, keeps });
    const text = params === undefined ? "" : `${JSON.stringify(params)}:`;
    const message = command.includes(":") ? { method: command, params, callback: key, appSid: sid } : `${command}:${text}${key}:${sid}`;
    window.parent.postMessage(message, origin);
  }

  window.addEventListener("message", (event) => {
    if (event.origin !== origin || typeof event.data !== "string") return;
    const [key, ...rest] = event.data.split(":");
    const known = waiting.get(key);
    if (!known) return;
    if (!known.keeps) waiting.delete(key);
    known.callback(rest.length ? JSON.parse(rest.join(":")) : undefined);
  });

  class Result {
    constructor(answer) {
      this.answer = answer;
    }
    data() {
      return this.answer.result;
    }
    error() {
      return "error" in this.answer ? { ex: this.answer, toString: () => `${this.answer.error}: ${this.answer.error_description}` } : undefined;
    }
    error_description() {
      return this.answer.error_description;
    }
    more() {
      return this.answer.next !== undefined;
    }
    total() {
      return Number(this.answer.total || 0);
    }
  }

  function auth() {
    return init && { access_token: init.AUTH_ID, refresh_token: init.REFRESH_ID, expires_in: init.AUTH_EXPIRES, domain: init.DOMAIN, member_id: init.MEMBER_ID };
  }

  async function callMethod(method, params, callback, isRepeated) {
    const url = `${origin}/rest/${method}.json`;
    const body = JSON.stringify({ ...(params || {}), auth: init.AUTH_ID });
    const answer = await (await fetch(url, { method: "POST", headers: { "Content-Type": "application/json" }, body })).json();
    if (answer.error === "expired_token" && !isRepeated) {
      BX24.refreshAuth(() => callMethod(method, params, callback, true));
      return;
    }
    if (callback) callback(new Result(answer));
  }

  const BX24 = {
    init(callback) {
      if (init) return callback();
      ready.push(callback);
      if (ready.length > 1) return undefined;
      return send("getInitData", undefined, (data) => {
        init = data;
        for (const each of ready.splice(0)) each();
      });
    },
    install(callback) {
      BX24.init(() => init.INSTALL && callback());
    },
    installFinish: () => send("setInstallFinish", {}),
    getAuth: () => auth() || false,
    refreshAuth(callback) {
      send("refreshAuth", {}, (data) => {
        Object.assign(init, data);
        if (callback) callback(auth());
      });
    },
    isAdmin: () => Boolean(init?.IS_ADMIN),
    getLang: () => init?.LANG,
    getDomain: () => init?.DOMAIN,
    callMethod: (method, params, callback) => callMethod(method, params, callback, false),
    resizeWindow: (width, height, callback) => send("resizeWindow", { width, height }, callback),
    fitWindow: (callback) => send("resizeWindow", { width: "100%", height: document.documentElement.scrollHeight }, callback),
    getScrollSize: () => ({ scrollWidth: document.documentElement.scrollWidth, scrollHeight: document.documentElement.scrollHeight }),
    setTitle: (title, callback) => send("setTitle", { title }, callback),
    reloadWindow: () => send("reloadWindow", {}),
    closeApplication: () => send("closeApplication", {}),
    selectCRM: (params, callback) => send("selectCRM", params, callback),
    openPath: (path, callback) => send("openPath", { path }, callback),
    im: { phoneTo: (phone) => send("imPhoneTo", { phone }) },
    placement: {
      info: () => ({ placement: init?.PLACEMENT, options: init?.PLACEMENT_OPTIONS }),
      getInterface: (callback) => send("getInterface", {}, callback),
      call: (command, params, callback) => send(command, params || {}, callback),
      bindEvent: (event, callback) => send("placementBindEvent", { event }, callback, true),
    },
  };
  window.BX24 = BX24;
})();
