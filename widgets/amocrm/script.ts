/**
 * The widget as amoCRM loads it: a constructor with callbacks, wrapped by build.mjs into
 * `define(["jquery"], …)`.
 *
 * Source: Kommo developer documentation, "script.js" (2026): `render`, `init` and `bind_actions` are obligatory and
 * must return true; with `init_once` they run once a page load.
 */

import { makeApi } from "../shared/api";
import { floating } from "../shared/floating";
import { ownListView } from "../shared/own_list_view";
import { StatusView } from "../shared/status_view";
import { Texts } from "../shared/texts";
import "../shared/words/all";
import { startWidget, type Widget } from "../shared/widget";
import { currentEntity, makeHost } from "./host";
import { chosenNumber, getFromCrm, tickedEntities } from "./selection";

/** amoCRM calls this with `new`. `jquery` finds the places of the settings windows. */
export function widgetConstructor(jquery: (selector: string) => AmoQuery) {
  return function DozvonWidget(this: AmoWidget): AmoWidget {
    const self = this;
    let running: Widget | null = null;
    let settings: StatusView | null = null; // in the window that was opened last

    function start(): void {
      if (running || self.get_install_status?.() === "install") return;
      // amoCRM may load the script a second time (after an update without reload): stop the older copy.
      window.__dozvonStop?.();
      running = startWidget(makeHost(self), { floating, list: ownListView });
      window.__dozvonStop = stop;
    }

    function stop(): void {
      running?.stop();
      running = null;
      if (window.__dozvonStop === stop) window.__dozvonStop = undefined;
    }

    function ticked(kind: "contacts" | "leads"): void {
      const { selected } = self.list_selected();
      const call = selected.length === 1 ? () => void callTicked(kind, selected) : null;
      running?.select(tickedEntities(kind, selected), call);
    }

    async function callTicked(kind: "contacts" | "leads", selected: AmoSelected[]): Promise<void> {
      const chosen = await chosenNumber(kind, selected, getFromCrm);
      if ("problem" in chosen) running?.say(chosen.problem);
      else running?.dial(chosen.number, chosen.entity);
    }

    function showStatus(place: HTMLElement | undefined): void {
      if (!place) return;
      place.querySelector(".dozvon-status")?.remove();
      const host = makeHost(self);
      const view = new StatusView(makeApi(host), new Texts(host.language), host.backend, host.open);
      place.prepend(view.element);
      settings = view;
      void view.refresh();
    }

    self.callbacks = {
      render: () => true,
      init() {
        self.add_action("phone", (data) => running?.dial(String(data?.value ?? ""), currentEntity()));
        start();
        return true;
      },
      bind_actions: () => true,
      settings($body: AmoQuery) {
        showStatus($body.find(".widget_settings_block__fields").get(0) ?? $body.get(0));
        return true;
      },
      advancedSettings() {
        showStatus(jquery(".js-widget-advanced-settings, [id^='work-area-']").get(0));
        return true;
      },
      onSave(event: { active?: string }) {
        // Also called when the widget is switched off, before `destroy`.
        if (event?.active === "N") stop();
        else if (settings?.element.isConnected) return settings.save();
        return true;
      },
      destroy: stop,
      contacts: { selected: () => ticked("contacts") },
      leads: { selected: () => ticked("leads") },
    };
    return self;
  };
}
