/** A Bitrix24 portal around our framed page as a Host. The card and the calls belong to shared/. */

import type { Boot } from "../shared/frame/boot";
import type { FrameSession } from "../shared/frame/session";
import type { CardFrame, Host } from "../shared/host";
import type { Portal } from "./portal";

export function makeHost(boot: Boot, session: FrameSession, portal: Portal, frame?: CardFrame): Host {
  return {
    crm: boot.crm,
    backend: boot.backend,
    version: boot.version,
    language: boot.language,
    // Frames of all portals have our origin, so the account tells their people apart.
    managerKey: `${boot.account}:${boot.manager}`,
    currency: null,
    authorisedFetch: (method, path, body) => session.fetch(method, path, body),
    open: (url) => open(url, boot.crmUrl, portal),
    // A portal's cards and panels are white whatever the system's scheme is.
    isDark: () => false,
    // The portal's own events tell the server of other telephony.
    otherTelephony: () => null,
    ...(frame ? { frame } : {}),
  };
}

/** The portal's own pages open in its sliders, which keep the page below; others in a new tab. */
function open(url: string, crmUrl: string, portal: Portal): void {
  const target = new URL(url, crmUrl);
  if (target.origin === new URL(crmUrl).origin) portal.openPath(target.pathname + target.search + target.hash);
  else window.open(target.href, "_blank", "noopener");
}
