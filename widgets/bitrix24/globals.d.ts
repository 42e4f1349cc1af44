/** The vendor's script for framed pages, as far as we use it (b24-rest-docs, "BX24.js SDK", 2026). */

interface Bx24Auth {
  access_token: string;
}

/** What a person has chosen in the portal's own dialogue, by kind; ids have a letter before them: `C_7`. */
type Bx24Chosen = Partial<Record<string, { id: string }[] | Record<string, { id: string }>>>;

interface Bx24 {
  init(ready: () => void): void;
  getAuth(): Bx24Auth | false;
  refreshAuth(done: (auth: Bx24Auth | false) => void): void;
  /** Once, when the installation is complete; the portal then reloads its page. */
  installFinish(): void;
  openPath(path: string, done?: (result: unknown) => void): void;
  /** Never answers when the person closes the dialogue without a choice. */
  selectCRM(what: { entityType: string[]; multiple: boolean }, chosen: (found: Bx24Chosen) => void): void;
  resizeWindow(width: number, height: number): void;
  placement: {
    /** Unknown commands and events are ignored without a word. */
    call(command: string, parameters: object, done: (result: unknown) => void): void;
    /** There is no way to unbind, and a second call doubles the handler. */
    bindEvent(event: string, handler: (data: unknown) => void): void;
  };
}

interface Window {
  BX24?: Bx24;
}
