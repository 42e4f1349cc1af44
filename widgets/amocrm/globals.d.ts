/**
 * amoCRM's page as far as the widget uses it.
 *
 * Source: Kommo developer documentation (script.js, Card SDK, Widget locations), read 2026-11. Undocumented members are
 * optional here, and the code that reads them handles their absence.
 */

interface AmoApp {
  constant(name: "user"): { id?: number } | undefined;
  constant(name: "account"): { id?: number; currency?: string } | undefined;
  isCard?(): boolean;
  getBaseEntity?(): string; // contacts, companies, leads, customers
  data?: { current_card?: { id?: number } };
  lang_id?: string;
  widgets?: { list?: Record<string, AmoListed | undefined> };
}

/** A started widget, as `APP.widgets.list` has it by code. Not documented; read in widgets in the field. */
interface AmoListed {
  params?: { widget_active?: unknown };
  langs?: { widget?: { name?: unknown; call_action?: unknown } };
}

interface AmoSelected {
  id: number;
  type?: string;
  phones?: string[];
}

interface AmoDeferred {
  then(done: (data: unknown, text: string, xhr: AmoXhr) => void, fail: (xhr: AmoXhr) => void): void;
}

interface AmoXhr {
  status: number;
  responseJSON?: unknown;
  responseText?: string;
}

/** The object that amoCRM makes from our constructor and puts its methods on. */
interface AmoWidget {
  callbacks: Record<string, unknown>;
  add_action(type: "phone" | "email", run: (data: { value?: unknown }) => void): void;
  $authorizedAjax(settings: Record<string, unknown>): AmoDeferred;
  list_selected(): { count_selected: number; selected: AmoSelected[] };
  system?(): { amouser_id?: number | string; subdomain?: string };
  get_settings?(): { widget_code?: string };
  get_version?(): string;
  get_install_status?(): "install" | "installed" | "not_configured";
}

/** What the widget needs of the jQuery object that amoCRM passes to `settings`. */
interface AmoQuery {
  find(selector: string): AmoQuery;
  get(index: number): HTMLElement | undefined;
}

interface Window {
  APP?: AmoApp;
  AMOCRM?: AmoApp; // the older name of the same
  __dozvonStop?: (() => void) | undefined;
}

/** build.mjs writes marks for these, and pack.py replaces the marks by the values. */
declare const DOZVON_BACKEND: string;
declare const DOZVON_VERSION: string;
