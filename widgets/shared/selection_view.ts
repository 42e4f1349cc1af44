/**
 * What was ticked in a list of the CRM goes into the manager's own list or into that of a campaign: which one, and what
 * became of each.
 *
 * It knows no CRM: the host says what is ticked.
 */

import { type Api, ApiError } from "./api";
import { el, icon } from "./dom";
import type { AddEntriesAnswer, CampaignChoice, EntityRef, LeftOut } from "./messages";
import type { TextKey, Texts } from "./texts";

export interface SelectionActions {
  readonly server: Pick<Api, "campaigns" | "makeCampaign" | "addEntries" | "addToOwnList">;
  newRequest(): string;
  /** Calls the only one that is ticked; null: there are several. */
  readonly call: (() => void) | null;
  /** The person closed it. */
  closed(): void;
}

/** What the server takes in one request. */
const AT_ONCE = 500;
const NEW = "new";
const OWN = "own";
const LEFT_OUT: readonly LeftOut[] = ["no_number", "nobody", "not_found", "twice", "do_not_call", "full"];

/** What became of those that were sent so far. */
interface Sum {
  done: number;
  added: number;
  joined: number;
  leftOut: Record<LeftOut, number>;
}

export class SelectionView {
  readonly element = el("section", { class: "selection", hidden: true });
  private opened = 0; // counts openings: answers to an earlier one come too late
  private answer = el("p", { class: "answer", role: "alert" });

  constructor(private readonly texts: Texts) {
    // The CRM has hot keys, so keys pressed here must not reach it.
    for (const kind of ["keyup", "keypress"]) this.element.addEventListener(kind, (event) => event.stopPropagation());
  }

  get isOpen(): boolean {
    return !this.element.hidden;
  }

  /** Never rejects. */
  async open(entities: EntityRef[], actions: SelectionActions): Promise<void> {
    const opening = ++this.opened;
    this.frame(entities, actions, el("p", { class: "soft", role: "status" }, this.texts.say("selected_loading")));
    try {
      const { campaigns } = await actions.server.campaigns();
      if (opening === this.opened) this.form(entities, actions, campaigns);
    } catch (error) {
      if (opening !== this.opened) return;
      // Campaigns are for those who supervise them, an own list is for everybody.
      if (error instanceof ApiError && error.code === "not_allowed") return this.form(entities, actions, null);
      this.frame(entities, actions, this.freshAnswer(), this.buttons(actions, null));
      this.refused(error);
    }
  }

  close(): void {
    this.opened++;
    this.element.hidden = true;
    this.element.replaceChildren();
  }

  private frame(entities: EntityRef[], actions: SelectionActions, ...content: HTMLElement[]): void {
    const { texts } = this;
    const leave = () => {
      this.close();
      actions.closed();
    };
    const title = texts.say("selected", { n: entities.length });
    const close = el(
      "button",
      { type: "button", class: "icon", "aria-label": texts.say("close"), onclick: leave },
      icon("close"),
    );
    this.element.setAttribute("aria-label", title);
    this.element.onkeydown = (event) => {
      event.stopPropagation();
      if (event.key === "Escape") leave();
    };
    this.element.hidden = false;
    this.element.replaceChildren(el("div", { class: "choices_head" }, el("h2", {}, title), close), ...content);
  }

  /** `campaigns` null: they are not this person's. */
  private form(entities: EntityRef[], actions: SelectionActions, campaigns: CampaignChoice[] | null): void {
    const { texts } = this;
    const option = ({ id, name, state }: CampaignChoice) =>
      el("option", { value: id }, `${name} (${texts.say(`campaign_${state}` as TextKey)})`);
    const choice = el(
      "select",
      { "aria-label": texts.say("selected_campaign") },
      ...(campaigns ?? []).map(option),
      ...(campaigns ? [el("option", { value: NEW }, texts.say("selected_new"))] : []),
      el("option", { value: OWN }, texts.say("selected_own")),
    );
    const name = el("input", {
      type: "text",
      maxlength: "80",
      autocomplete: "off",
      "aria-label": texts.say("selected_new_name"),
      placeholder: texts.say("selected_new_name"),
    });
    const fresh = el("div", { class: "choice" }, name, el("p", { class: "soft" }, texts.say("selected_new_about")));
    const own = el("p", { class: "soft" }, texts.say("selected_own_about"));
    const add = el("button", { type: "submit", class: "button main" }, texts.say("selected_add"));
    const chosen = () => {
      fresh.hidden = choice.value !== NEW;
      own.hidden = choice.value !== OWN;
    };
    choice.addEventListener("change", () => {
      chosen();
      if (!fresh.hidden) name.focus();
    });
    name.addEventListener("input", () => {
      this.answer.textContent = "";
    });
    const request = actions.newRequest(); // of the new campaign: pressed again, it is the same one
    const sum = nothing();
    const onsubmit = (event: Event) => {
      event.preventDefault();
      if (choice.value === NEW && !name.value.trim()) {
        this.answer.textContent = texts.say("selected_name_needed");
        name.focus();
        return;
      }
      const campaign = async () => {
        if (choice.value !== NEW) return choice.value;
        const made = await actions.server.makeCampaign({ name: name.value, request });
        choice.prepend(option(made.campaign));
        choice.value = made.campaign.id;
        chosen();
        return made.campaign.id;
      };
      const fields = [choice, name, add];
      void this.send(entities, actions, campaign, sum, add, (busy) => {
        for (const field of fields) field.disabled = busy;
      });
    };
    const form = el("form", { onsubmit });
    this.frame(entities, actions, form);
    form.append(
      el("label", { class: "choice" }, el("span", {}, texts.say("selected_campaign")), choice),
      fresh,
      own,
      this.freshAnswer(),
      this.buttons(actions, add),
    );
    chosen();
    (actions.call ? form.querySelector<HTMLElement>(".call_one") : choice)?.focus();
  }

  private buttons(actions: SelectionActions, add: HTMLElement | null): HTMLElement {
    const { call } = actions;
    const calling = () => {
      this.close();
      actions.closed();
      call?.();
    };
    const one = call
      ? el(
          "button",
          { type: "button", class: "button call_one", onclick: calling },
          icon("phone"),
          this.texts.say("selected_call"),
        )
      : null;
    return el("div", { class: "actions inner" }, one, add);
  }

  /** Goes on behind what was sent, so that a second press after a failure does not count anybody again. */
  private async send(
    entities: EntityRef[],
    actions: SelectionActions,
    campaign: () => Promise<string>,
    sum: Sum,
    add: HTMLElement,
    busy: (busy: boolean) => void,
  ): Promise<void> {
    const { texts } = this;
    const opening = this.opened;
    const isHere = () => opening === this.opened;
    busy(true);
    this.answer.textContent = "";
    try {
      const id = await campaign();
      while (sum.done < entities.length) {
        if (isHere()) add.textContent = texts.say("selected_adding", { done: sum.done, n: entities.length });
        const part = entities.slice(sum.done, sum.done + AT_ONCE);
        const { server } = actions;
        const answer = id === OWN ? server.addToOwnList(part) : server.addEntries({ campaign: id, entities: part });
        count(sum, await answer, part.length);
      }
      if (isHere()) this.result(entities, actions, sum);
    } catch (error) {
      if (!isHere()) return;
      busy(false);
      add.textContent = texts.say("selected_add");
      this.refused(error);
      const left = entities.length - sum.done;
      if (sum.done) this.answer.append(` ${texts.say("selected_rest", { n: left })}`);
    }
  }

  private result(entities: EntityRef[], actions: SelectionActions, sum: Sum): void {
    const { texts } = this;
    const left = LEFT_OUT.filter((why) => sum.leftOut[why] > 0).map((why) =>
      el("li", {}, texts.say(`selected_${why}` as TextKey, { n: sum.leftOut[why] })),
    );
    const joined = sum.joined ? [el("li", {}, texts.say("selected_joined", { n: sum.joined }))] : [];
    const done = el("p", { class: "done" }, icon("check"), texts.say("selected_added", { n: sum.added }));
    const said = el("div", { class: "choice", role: "status" });
    this.frame(entities, actions, said);
    said.append(done, ...(left.length + joined.length ? [el("ul", { class: "soft" }, ...joined, ...left)] : []));
    this.element.querySelector("button")?.focus();
  }

  private freshAnswer(): HTMLElement {
    this.answer = el("p", { class: "answer", role: "alert" });
    return this.answer;
  }

  private refused(error: unknown): void {
    const code = error instanceof ApiError ? error.code : "internal";
    this.answer.textContent = this.texts.problem(code, error instanceof Error ? error.message : "");
  }
}

function nothing(): Sum {
  const leftOut = { no_number: 0, nobody: 0, not_found: 0, twice: 0, do_not_call: 0, full: 0 };
  return { done: 0, added: 0, joined: 0, leftOut };
}

function count(sum: Sum, answer: AddEntriesAnswer, sent: number): void {
  sum.done += sent;
  sum.added += answer.added;
  sum.joined += answer.joined ?? 0;
  for (const why of LEFT_OUT) sum.leftOut[why] += answer.left_out[why] ?? 0;
}
