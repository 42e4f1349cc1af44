/** Loads what belongs to the place in the portal where the page stands. */

import { el } from "../shared/dom";
import type { Boot } from "../shared/frame/boot";
import { FrameSession } from "../shared/frame/session";
import { frameTexts, type Say } from "../shared/frame/texts";
import type { Portal } from "./portal";
import { loadAllWords, loadCardWords, loadFrameWords } from "./words";

const STUCK_MS = 15_000;

export async function start(boot: Boot, portal: Portal, place: HTMLElement): Promise<void> {
  let hasProof = false;
  const session = new FrameSession(boot.backend, { account: boot.account, subject: boot.subject }, boot.ticket, () => {
    // The portal's first token is that of the page's opening, and may be old.
    const renewed = hasProof;
    hasProof = true;
    return portal.token(renewed);
  });
  const hasSettings = boot.place === "panel" || boot.place === "selection";
  const words = (hasSettings ? loadAllWords : loadCardWords)(boot.language);
  const saying = loadFrameWords(boot.language).then(frameTexts);
  place.removeAttribute("aria-busy");
  switch (boot.place) {
    case "install":
      return install(portal, await saying, place);
    case "call": {
      const [{ showCallCard }, say] = await Promise.all([import("./call_card"), saying, words]);
      showCallCard(boot, session, portal, say, place);
      return follow(portal, place);
    }
    case "client": {
      const [{ showClient }, say] = await Promise.all([import("./client"), saying, words]);
      showClient(boot, session, portal, say, place);
      return follow(portal, place);
    }
    case "selection": {
      const [{ showSelection }, say] = await Promise.all([import("./selection"), saying, words]);
      showSelection(boot, session, portal, say, place);
      return follow(portal, place);
    }
    case "panel": {
      const [{ showPanel }, say] = await Promise.all([import("./panel"), saying, words]);
      showPanel(boot, session, portal, say, place);
      return follow(portal, place);
    }
  }
}

/** The server has stored everything by now: what is left is to tell the portal, which reloads its page. */
function install(portal: Portal, say: Say, place: HTMLElement): void {
  const state = el("p", { role: "status" }, say("installing"));
  place.replaceChildren(
    el("section", { class: "installed" }, el("h1", {}, say("installed")), state, el("p", {}, say("install_next"))),
  );
  const stuck = () => {
    state.className = "problem";
    state.textContent = say("install_stuck");
  };
  portal.ready().then(() => {
    portal.installFinish();
    setTimeout(stuck, STUCK_MS);
  }, stuck);
}

/** The portal's frame is as high as what it shows. */
function follow(portal: Portal, place: HTMLElement): void {
  let height = 0;
  new ResizeObserver(() => {
    const now = Math.ceil(place.getBoundingClientRect().height);
    if (now === height) return;
    height = now;
    portal.resize(document.documentElement.clientWidth, height);
  }).observe(place);
}
