/* The demonstration's panel: who rings in the simulated office, and the buttons of clients and phones.
   Speaks to the office's address: GET /state, POST /call {"number", "did"}, /answer/{extension}, /hangup/{extension}. */
(function () {
  "use strict";

  const crm = window.CRM;
  const { boot, t, el } = crm;
  const url = boot.demo_office_url;
  const panel = document.getElementById("demo_panel");
  const list = el("div", {});
  const line = el("select", { "aria-label": t.demo_line, hidden: true });
  const choice = el("select", { "aria-label": t.demo_known });
  const problem = el("div", { class: "quiet", hidden: true }, t.demo_offline);
  const body = el("div", { class: "demo__body" });
  let isOpen = sessionStorage.getItem("demo_panel") !== "closed";
  let drawn = "";

  async function ask(path, data) {
    const options = data === undefined ? {} : { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(data) };
    const answer = await fetch(url + path, { ...options, signal: AbortSignal.timeout(5000) });
    if (!answer.ok) throw new Error(String(answer.status));
    return answer.json();
  }

  async function press(path, data) {
    await ask(path, data || {}).catch((error) => crm.toast({ header: t.demo_title, text: error.message, kind: "error" }));
    look();
  }

  /* The office speaks digits only; without configured lines it chooses one itself. */
  function call(number) {
    const did = line.value ? { did: line.value } : {};
    press("/call", { number: number.replace(/\D/g, ""), ...did });
  }

  function stranger() {
    return `7999${String(Math.floor(Math.random() * 1e7)).padStart(7, "0")}`;
  }

  function phoneRow(phone) {
    const row = el("div", { class: `demo__phone is-${phone.state}`, "data-extension": phone.extension });
    const facts = `${t[phone.state] || phone.state}${phone.peer ? ` · ${phone.peer}` : ""}`;
    row.append(el("i", {}), el("div", {}, `${phone.extension} ${phone.name}`, el("small", {}, facts)));
    if (phone.state === "ringing") {
      row.append(el("button", { class: "button button--green", type: "button", "data-demo": "answer", onclick: () => press(`/answer/${phone.extension}`) }, t.answer));
    }
    if (phone.state !== "idle") {
      row.append(el("button", { class: "button button--red", type: "button", "data-demo": "hangup", title: t.hang_up, onclick: () => press(`/hangup/${phone.extension}`) }, "✕"));
    }
    return row;
  }

  function draw(state) {
    const now = JSON.stringify(state);
    if (now === drawn) return;
    drawn = now;
    drawLines(state.lines);
    list.replaceChildren(...state.phones.map(phoneRow));
    if (choice.options.length !== state.clients.length) {
      choice.replaceChildren(...state.clients.map((client) => el("option", { value: client.number }, `${client.name} ${client.number}`)));
    }
  }

  function drawLines(lines) {
    if (!lines || line.options.length === lines.length) return;
    line.replaceChildren(...lines.map((did) => el("option", { value: did }, `${t.demo_line} ${did}`)));
    if (lines.includes(boot.demo_line)) line.value = boot.demo_line;
    line.hidden = false;
  }

  async function look() {
    try {
      draw(await ask("/state"));
      problem.hidden = true;
    } catch {
      problem.hidden = false;
    }
    // Before the office's first answer there is no client to choose, and nothing to ring.
    known.disabled = !choice.options.length;
    unknown.disabled = !drawn;
  }

  function toggle() {
    isOpen = !isOpen;
    sessionStorage.setItem("demo_panel", isOpen ? "open" : "closed");
    body.hidden = !isOpen;
  }

  const known = el("button", { class: "button button--primary", type: "button", "data-demo": "known", disabled: true, onclick: () => call(choice.value) }, t.demo_known);
  const unknown = el("button", { class: "button", type: "button", "data-demo": "unknown", disabled: true, onclick: () => call(stranger()) }, t.demo_unknown);
  const calling = el("div", { class: "demo__call" }, line, choice, known, unknown);
  body.append(calling, problem, list);
  body.hidden = !isOpen;
  panel.append(el("button", { class: "demo__head", type: "button", onclick: toggle }, t.demo_title, el("span", {}, "☎")), body);
  panel.hidden = false;
  look();
  setInterval(() => {
    if (!document.hidden && isOpen) look();
  }, 700);
})();
