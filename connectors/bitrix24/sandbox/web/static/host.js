/* The host of applications' iframes: opens them by a POST, and answers the messages that their script sends.
   A message is `command:parameters:callback:APP_SID` (parameters in JSON, perhaps absent) or, for commands with a colon,
   an object {method, params, callback, appSid}. An answer is `callback:JSON`; a bound event uses its callback again. */
"use strict";

(() => {
  const CARD_EVENTS = ["CallCard::EntityChanged", "CallCard::BeforeClose", "CallCard::CallStateChanged"];
  const CARD_COMMANDS = ["getStatus", "disableAutoClose", "enableAutoClose"];
  const HELD_MS = 65_000; // the card stays so long after the end of a call
  const bound = new Map();

  function read(data) {
    if (data && typeof data === "object" && typeof data.method === "string") {
      return { command: data.method, params: data.params || {}, callback: data.callback, sid: data.appSid };
    }
    const found = typeof data === "string" ? /^([A-Za-z0-9_.]+)(?::([\s\S]*))?$/.exec(data) : null;
    if (!found) return null;
    const parts = (found[2] || "").split(":");
    const sid = parts.pop();
    const callback = parts.pop();
    let params = {};
    try {
      params = parts.length ? JSON.parse(parts.join(":")) : {};
    } catch {
      params = { value: parts.join(":") };
    }
    return { command: found[1], params, callback, sid };
  }

  function frameOf(source) {
    return [...document.querySelectorAll("iframe[data-sid]")].find((frame) => frame.contentWindow === source);
  }

  async function ask(frame, action) {
    const path = `/page/frames/${frame.dataset.sid}/${action}`;
    const answer = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: "{}" });
    if (!answer.ok) throw new Error(String(answer.status));
    return answer.json();
  }

  function status(frame) {
    const { PLACEMENT_OPTIONS: options } = JSON.parse(frame.dataset.init);
    return { ...options, CRM_ENTITY_ID: Number(options.CRM_ENTITY_ID), CRM_ACTIVITY_ID: Number(options.CRM_ACTIVITY_ID) || 0 };
  }

  async function answer(frame, { command, params, callback }) {
    const init = JSON.parse(frame.dataset.init);
    const isCard = init.PLACEMENT === "CALL_CARD";
    switch (command) {
      case "getInitData":
        return init;
      case "refreshAuth":
        return ask(frame, "auth");
      case "setInstall":
        return true; // notes the first run only
      case "setInstallFinish":
        await ask(frame, "finish");
        window.portalPage.reload();
        return true;
      case "getInterface":
        return { command: isCard ? CARD_COMMANDS : [], event: isCard ? CARD_EVENTS : [] };
      case "placementBindEvent":
        if (!bound.has(frame)) bound.set(frame, []);
        bound.get(frame).push({ event: params.event, callback });
        return undefined;
      case "getStatus":
        return isCard ? status(frame) : undefined;
      case "disableAutoClose":
      case "enableAutoClose":
        if (isCard) frame.dataset.heldUntil = command === "disableAutoClose" ? String(Date.now() + HELD_MS) : "";
        return isCard ? [] : undefined;
      case "resizeWindow":
        if (Number(params.height) > 0) frame.style.height = `${Math.min(Number(params.height), 4000)}px`;
        return { height: frame.clientHeight, width: frame.clientWidth };
      case "setTitle":
        document.title = String(params.title || document.title);
        return { title: document.title };
      case "reloadWindow":
        return window.portalPage.reload();
      case "closeApplication":
        return window.location.assign("/");
      case "selectCRM":
        return window.portalPage.choose(params); // undefined when the person closes it: no answer
      case "openPath":
        if (/^\/(?!\/)/.test(String(params.path || params))) window.location.assign(String(params.path || params));
        return { result: "open" };
      case "imPhoneTo":
        await window.portalPage.click(String(params.phone || "")).catch((error) => window.portalPage.toast(error.message));
        return true;
      default:
        return undefined; // unknown commands are ignored silently
    }
  }

  window.addEventListener("message", async (event) => {
    const frame = frameOf(event.source);
    const message = frame && read(event.data);
    if (!message || message.sid !== frame.dataset.sid) return;
    const result = await answer(frame, message).catch(() => undefined);
    if (result !== undefined && message.callback) {
      event.source.postMessage(`${message.callback}:${JSON.stringify(result)}`, event.origin);
    }
  });

  /** Fire an event of a placement in the frames that have bound it. */
  function fire(frame, name, data) {
    for (const each of bound.get(frame) || []) {
      if (each.event === name) frame.contentWindow.postMessage(`${each.callback}:${JSON.stringify(data)}`, "*");
    }
  }

  function openAll(root) {
    for (const form of root.querySelectorAll("form[data-opens]")) {
      form.submit();
      form.removeAttribute("data-opens");
    }
  }

  window.frameHost = { openAll, fire };
  openAll(document);
})();
