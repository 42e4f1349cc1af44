/**
 * The clients of a manager's own list, one row each. Rows that have not changed are not drawn again: a list may have
 * 500. One row at a time is in the order of the Tab key; the arrows go to the others.
 */

import { el, foreign, type Icon, icon, link } from "./dom";
import type { ListedClient, OwnListAction } from "./messages";
import { isCalling, isDone, type OwnListState, upcoming } from "./own_list";
import type { TextKey, Texts } from "./texts";

interface Row {
  element: HTMLElement;
  client: ListedClient;
  mark: string;
}

const BUTTONS: [OwnListAction, TextKey, Icon][] = [
  ["call_now", "list_call_now", "phone"],
  ["put_next", "list_put_next", "next"],
  ["remove", "list_remove", "close"],
];

export class OwnListRows {
  readonly element = el("ol", { class: "clients" });
  private rows = new Map<number, Row>();
  private active: number | null = null;

  constructor(
    private readonly texts: Texts,
    private readonly press: (action: OwnListAction, client: number) => void,
    private readonly open: (url: string) => void,
  ) {
    this.element.setAttribute("aria-label", texts.say("list_clients"));
    this.element.addEventListener("keydown", (event) => this.arrow(event));
    this.element.addEventListener("focusin", (event) => this.activate(keyOf(event.target)));
  }

  show(list: OwnListState): void {
    const next = upcoming(list);
    const calling = isCalling(list);
    const keys = new Set(list.clients.map((client) => client.key));
    const lost = this.focusedPlace();
    for (const [key, row] of this.rows) {
      if (keys.has(key)) continue;
      row.element.remove();
      this.rows.delete(key);
    }
    list.clients.forEach((client, place) => {
      const mark = client.key !== next?.key ? "" : !calling ? "next" : list.phase === "talking" ? "now talks" : "now";
      const row = this.row(client, mark, calling);
      row.element.querySelector(".place")?.replaceChildren(String(place + 1));
      // Moved only when it must be: moving an element takes the focus from what is inside.
      const there = this.element.children[place] ?? null;
      if (there !== row.element) this.element.insertBefore(row.element, there);
    });
    if (this.active === null || !keys.has(this.active)) this.activate(next?.key ?? list.clients[0]?.key ?? null);
    if (lost && !this.focusedPlace()) this.focus(Math.min(lost.place, list.clients.length - 1), lost.button);
  }

  /** Brings who is called now or next into sight. */
  reveal(list: OwnListState): void {
    const row = this.rows.get(upcoming(list)?.key ?? -1)?.element;
    if (!row || this.focusedPlace()) return;
    const { scrollTop, clientHeight } = this.element;
    if (row.offsetTop < scrollTop || row.offsetTop + row.offsetHeight > scrollTop + clientHeight)
      this.element.scrollTop = row.offsetTop - row.offsetHeight;
  }

  private row(client: ListedClient, mark: string, calling: boolean): Row {
    const known = this.rows.get(client.key);
    const state = `${mark} ${calling}`;
    if (known && known.mark === state && JSON.stringify(known.client) === JSON.stringify(client)) return known;
    const row = this.draw(client, mark, calling);
    if (known) {
      const focused = this.focusedPlace();
      known.element.replaceWith(row);
      if (focused?.key === client.key) row.querySelector<HTMLElement>(`[data-act="${focused.button}"]`)?.focus();
    }
    const made = { element: row, client, mark: state };
    this.rows.set(client.key, made);
    if (this.active === client.key) setTabbable(row, true);
    return made;
  }

  private draw(client: ListedClient, mark: string, calling: boolean): HTMLElement {
    const { texts } = this;
    const name = client.name || texts.say("unnamed");
    const row = el(
      "li",
      { class: `client ${client.state} ${mark}`, ...(mark ? { "aria-current": "true" } : {}) },
      el("span", { class: "place", "aria-hidden": "true" }),
      el(
        "div",
        { class: "whose" },
        link(name, client.url, "name", this.open),
        client.comment ? link(client.comment, client.comment_url, "comment", this.open) : null,
      ),
      el("div", { class: "numbers" }, ...client.numbers.map((each) => this.number(each))),
      el("span", { class: "state" }, this.state(client, mark)),
      el(
        "span",
        { class: "acts" },
        ...BUTTONS.filter(([action]) => !(mark.startsWith("now") && action !== "remove")).map(
          ([action, key, image]) => {
            const label = `${texts.say(key)}: ${name}`;
            const button = el("button", {
              type: "button",
              class: "icon",
              tabindex: "-1",
              title: texts.say(key),
              "aria-label": label,
              "data-act": action,
              disabled: action === "call_now" && calling,
              onclick: () => this.press(action, client.key),
            });
            button.append(icon(image));
            return button;
          },
        ),
      ),
    );
    row.dataset.key = String(client.key);
    return row;
  }

  private number({ number, struck }: ListedClient["numbers"][number]): HTMLElement {
    if (struck === null) return el("span", { class: "number" }, foreign(number));
    const why = struckWords(struck, this.texts);
    return el(
      "span",
      { class: "number struck" },
      el("s", {}, foreign(number)),
      el("span", { class: "why" }, ` ${why}`),
    );
  }

  private state(client: ListedClient, mark: string): string {
    if (mark === "now talks") return this.texts.say("talking");
    if (mark) return this.texts.say(mark === "now" ? "list_now" : "list_next");
    return isDone(client) ? this.texts.say(`list_${client.state}` as TextKey) : "";
  }

  private arrow(event: KeyboardEvent): void {
    const step = { ArrowDown: 1, ArrowUp: -1, Home: Number.NEGATIVE_INFINITY, End: Number.POSITIVE_INFINITY }[
      event.key
    ];
    const from = this.focusedPlace();
    if (step === undefined || !from) return;
    event.preventDefault();
    event.stopPropagation();
    this.focus(Math.max(0, Math.min(this.element.children.length - 1, from.place + step)), from.button);
  }

  private focus(place: number, button: string): void {
    const row = this.element.children[place];
    const wanted =
      row?.querySelector<HTMLElement>(`[data-act="${button}"]:not(:disabled)`) ??
      row?.querySelector<HTMLElement>("[data-act]:not(:disabled)");
    wanted?.focus();
  }

  private focusedPlace(): { place: number; key: number; button: string } | null {
    const root = this.element.getRootNode() as Document | ShadowRoot;
    const focused = root.activeElement;
    const row = focused?.closest<HTMLElement>("li.client");
    if (!focused || !row || row.parentElement !== this.element) return null;
    const place = [...this.element.children].indexOf(row);
    return { place, key: Number(row.dataset.key), button: focused.getAttribute("data-act") ?? "" };
  }

  private activate(key: number | null): void {
    if (key === this.active || key === null) return;
    const before = this.active === null ? undefined : this.rows.get(this.active);
    if (before) setTabbable(before.element, false);
    this.active = key;
    const row = this.rows.get(key);
    if (row) setTabbable(row.element, true);
  }
}

export function struckWords(struck: string, texts: Texts): string {
  const key = `list_struck_${struck}`;
  return texts.has(key) ? texts.say(key) : texts.say("list_struck_other");
}

function keyOf(target: EventTarget | null): number | null {
  const row = (target as HTMLElement | null)?.closest<HTMLElement>("li.client");
  return row ? Number(row.dataset.key) : null;
}

function setTabbable(row: HTMLElement, tabbable: boolean): void {
  for (const each of row.querySelectorAll("a, button")) each.setAttribute("tabindex", tabbable ? "0" : "-1");
}
