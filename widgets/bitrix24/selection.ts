/** The page behind the menus of the portal's lists: who goes into a campaign. */

import { makeApi } from "../shared/api";
import { randomId } from "../shared/click";
import type { Boot } from "../shared/frame/boot";
import { ChooseView } from "../shared/frame/choose_view";
import type { FrameSession } from "../shared/frame/session";
import type { Say } from "../shared/frame/texts";
import { Texts } from "../shared/texts";
import { makeHost } from "./host";
import type { Portal } from "./portal";

export function showSelection(boot: Boot, session: FrameSession, portal: Portal, say: Say, place: HTMLElement): void {
  const kind = boot.selected?.kind ?? boot.listed ?? "contact";
  const view = new ChooseView(makeApi(makeHost(boot, session, portal)), new Texts(boot.language), say, {
    choose: (chosen) => portal.select(kind, chosen),
    newRequest: randomId,
  });
  place.replaceChildren(view.element);
  if (boot.selected) void view.show([boot.selected]);
}
