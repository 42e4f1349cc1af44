/** The tab in the card of a contact, company, lead or deal. */

import { makeApi } from "../shared/api";
import type { Boot } from "../shared/frame/boot";
import { ClientView } from "../shared/frame/client_view";
import type { FrameSession } from "../shared/frame/session";
import type { Say } from "../shared/frame/texts";
import { Texts } from "../shared/texts";
import { makeHost } from "./host";
import type { Portal } from "./portal";

export function showClient(boot: Boot, session: FrameSession, portal: Portal, say: Say, place: HTMLElement): void {
  if (!boot.subject) return;
  const api = makeApi(makeHost(boot, session, portal));
  const view = new ClientView(api, boot.subject, new Texts(boot.language), say);
  place.replaceChildren(view.element);
  void view.refresh();
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") void view.refresh();
  });
}
