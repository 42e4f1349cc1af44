/** The application's own page, and the same from the portal's menu. */

import { makeApi } from "../shared/api";
import type { Boot } from "../shared/frame/boot";
import { PanelView } from "../shared/frame/panel_view";
import type { FrameSession } from "../shared/frame/session";
import type { Say } from "../shared/frame/texts";
import type { CardFrame } from "../shared/host";
import { ownListView } from "../shared/own_list_view";
import { Texts } from "../shared/texts";
import { startWidget, type Widget } from "../shared/widget";
import { makeHost } from "./host";
import type { Portal } from "./portal";

export function showPanel(boot: Boot, session: FrameSession, portal: Portal, say: Say, place: HTMLElement): Widget {
  const plain = makeHost(boot, session, portal);
  const view = new PanelView(makeApi(plain), new Texts(boot.language), say, boot.backend, {
    dial: (number) => widget.dial(number, null),
    open: plain.open,
  });
  const frame: CardFrame = {
    element: view.cards,
    list: view.list,
    keeps: false,
    saysState: true,
    shown: (calls) => calls,
    showing: (count) => view.setEmpty(count === 0),
    held: () => {}, // nobody closes this page but its reader
  };
  const widget = startWidget(makeHost(boot, session, portal, frame), { floating: null, list: ownListView });
  place.replaceChildren(view.element);
  void view.refresh();
  return widget;
}
