/** amoCRM's page as a Host: its authorised ajax, its navigation, its user. The card and the calls belong to shared/. */

import type { Host, HttpAnswer } from "../shared/host";
import type { EntityRef } from "../shared/messages";
import { languageOf } from "../shared/texts";

const REQUEST_MS = 10_000;

export function makeHost(widget: AmoWidget): Host {
  const app = crmPage();
  return {
    crm: "amocrm",
    backend: DOZVON_BACKEND,
    version: DOZVON_VERSION,
    language: languageOf(app?.lang_id ?? document.documentElement.lang),
    managerKey: String(app?.constant("user")?.id ?? widget.system?.().amouser_id ?? ""),
    currency: app?.constant("account")?.currency ?? null,
    authorisedFetch: (method, path, body) => authorisedFetch(widget, method, path, body),
    open: navigate,
    isDark,
    otherTelephony: () => otherTelephony(widget.get_settings?.().widget_code),
  };
}

export function crmPage(): AmoApp | undefined {
  return window.APP ?? window.AMOCRM;
}

/** `$authorizedAjax` adds the one-time token as X-Auth-Token (amoCRM developer pages, "One-time tokens"). */
function authorisedFetch(widget: AmoWidget, method: string, path: string, body?: unknown): Promise<HttpAnswer> {
  return new Promise((resolve) => {
    const settings: Record<string, unknown> = {
      url: DOZVON_BACKEND + path,
      method,
      type: method, // what jQuery before 1.9 calls it
      dataType: "json",
      timeout: REQUEST_MS,
    };
    if (body !== undefined) Object.assign(settings, { data: JSON.stringify(body), contentType: "application/json" });
    widget.$authorizedAjax(settings).then(
      (data, _text, xhr) => resolve({ status: xhr?.status ?? 200, body: data ?? null }),
      (xhr) => resolve({ status: xhr?.status ?? 0, body: parsed(xhr) }),
    );
  });
}

function parsed(xhr: AmoXhr | undefined): unknown {
  if (xhr?.responseJSON !== undefined) return xhr.responseJSON;
  try {
    return JSON.parse(xhr?.responseText ?? "");
  } catch {
    return null;
  }
}

/** amoCRM follows links of this class without a reload, so that a call's page state survives. */
function navigate(url: string): void {
  const target = new URL(url, window.location.href);
  if (target.origin !== window.location.origin) {
    window.open(target.href, "_blank", "noopener");
    return;
  }
  const link = document.createElement("a");
  link.href = target.pathname + target.search + target.hash;
  link.className = "js-navigate-link";
  link.hidden = true;
  document.body.append(link);
  link.click();
  link.remove();
}

/**
 * Other active widgets with an item in the menu of a phone number: `call_action` is its label (Kommo documentation, Card
 * SDK). A telephony widget without a label of its own is not seen.
 */
function otherTelephony(ownCode: string | undefined): string[] {
  const names: string[] = [];
  for (const [code, listed] of Object.entries(crmPage()?.widgets?.list ?? {})) {
    const words = listed?.langs?.widget;
    if (!words?.call_action || code === ownCode || listed?.params?.widget_active === "N") continue;
    names.push(String(words.name ?? code));
  }
  return names;
}

/** amoCRM's dark theme has no documented mark: the page's background shows it. */
function isDark(): boolean {
  for (const element of [document.body, document.documentElement]) {
    const [r, g, b, a = 1] = (getComputedStyle(element).backgroundColor.match(/[\d.]+/g) ?? []).map(Number);
    if (r === undefined || g === undefined || b === undefined || a < 0.5) continue;
    return 0.299 * r + 0.587 * g + 0.114 * b < 110;
  }
  return false;
}

const CARD_KINDS: Record<string, EntityRef["kind"]> = { contacts: "contact", companies: "company", leads: "deal" };

/** The open card's entity; null in lists and wherever the page does not say. */
export function currentEntity(): EntityRef | null {
  const app = crmPage();
  if (!app?.isCard?.()) return null;
  const kind = CARD_KINDS[app.getBaseEntity?.() ?? ""];
  const id = app.data?.current_card?.id;
  return kind && id ? { kind, id: String(id) } : null;
}
