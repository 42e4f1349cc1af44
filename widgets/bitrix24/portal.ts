/** The portal around our frame: its script with promises and deadlines, since it answers nothing to what it does not know. */

import type { EntityRef } from "../shared/messages";

const READY_MS = 10_000;
const AUTH_MS = 10_000;

export interface Portal {
  /** Rejects when the portal does not answer. */
  ready(): Promise<void>;
  /** A token of the person who is there, fresh from the portal if `renewed`. Rejects when there is none. */
  token(renewed: boolean): Promise<string>;
  installFinish(): void;
  openPath(path: string): void;
  resize(width: number, height: number): void;
  command(name: string): void;
  /** The portal's own dialogue, for several of one kind. `chosen` is never called when the person closes it. */
  select(kind: EntityRef["kind"], chosen: (entities: EntityRef[]) => void): void;
  on(event: string, handler: (data: unknown) => void): void;
}

export function portalOf(bx: Bx24 | undefined, after = later): Portal {
  let starting: Promise<void> | null = null;

  function ready(): Promise<void> {
    starting ??= inTime(READY_MS, after, (done, failed) => (bx ? bx.init(done) : failed()));
    return starting;
  }

  async function token(renewed: boolean): Promise<string> {
    await ready();
    const auth = await inTime<Bx24Auth | false>(AUTH_MS, after, (done) => {
      const known = bx?.getAuth();
      if (!renewed && known) done(known);
      else bx?.refreshAuth(done);
    });
    if (auth === false || !auth.access_token) throw new Error("the portal gives no token");
    return auth.access_token;
  }

  /** What the portal does not hear is not missed: the page works without it. */
  const soon = (run: (bx: Bx24) => void) =>
    void ready().then(
      () => bx && run(bx),
      () => {},
    );
  return {
    ready,
    token,
    installFinish: () => soon((known) => known.installFinish()),
    openPath: (path) => soon((known) => known.openPath(path)),
    resize: (width, height) => soon((known) => known.resizeWindow(width, height)),
    select: (kind, chosen) =>
      soon((known) => known.selectCRM({ entityType: [kind], multiple: true }, (found) => chosen(entitiesOf(found)))),
    command: (name) => soon((known) => known.placement.call(name, {}, () => {})),
    on: (event, handler) => soon((known) => known.placement.bindEvent(event, handler)),
  };
}

const KINDS: readonly EntityRef["kind"][] = ["contact", "company", "lead", "deal"];

/** Each once. What is not an id of the portal is left out. */
export function entitiesOf(found: Bx24Chosen | null | undefined): EntityRef[] {
  const entities = new Map<string, EntityRef>();
  for (const kind of KINDS) {
    for (const one of Object.values(found?.[kind] ?? {})) {
      const id = /^(?:[A-Z]{1,3}_)?(\d{1,12})$/.exec(String(one?.id ?? ""))?.[1];
      if (id) entities.set(`${kind} ${id}`, { kind, id });
    }
  }
  return [...entities.values()];
}

type After = (ms: number, run: () => void) => () => void;

const later: After = (ms, run) => {
  const timer = setTimeout(run, ms);
  return () => clearTimeout(timer);
};

function inTime<T>(ms: number, after: After, run: (done: (value: T) => void, failed: () => void) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    const failed = () => reject(new Error("the portal does not answer"));
    const cancel = after(ms, failed);
    run(
      (value) => {
        cancel();
        resolve(value);
      },
      () => {
        cancel();
        failed();
      },
    );
  });
}
