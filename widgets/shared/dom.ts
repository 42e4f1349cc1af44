/**
 * Makes elements. Text reaches the page only as text nodes, because a stranger may choose any caller name.
 *
 * Nothing here, and nothing that uses it, parses HTML.
 */

import { safeUrl } from "./format";

type Child = Node | string | null | false;

export interface Attributes {
  [name: string]: string | boolean | null | undefined | ((event: Event) => void);
}

// A name of a megabyte must not freeze the page; nobody reads more than this in a card.
const LONGEST_TEXT = 300;

/** `onclick`-like attributes take functions and become listeners; null, undefined and false are left out. */
export function el<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.replace(/^on/, ""), value);
    else if (value === true) element.setAttribute(name, "");
    else if (typeof value === "string") element.setAttribute(name, value);
  }
  element.append(...children.filter((child): child is Node | string => child !== null && child !== false).map(short));
  return element;
}

function short(child: Node | string): Node | string {
  if (typeof child !== "string" || child.length <= LONGEST_TEXT) return child;
  return `${[...child.slice(0, LONGEST_TEXT)].join("")}…`;
}

/**
 * Isolated foreign text, so that its right-to-left marks have no effect outside. A text node is shown whole: for texts
 * whose length the server bounds.
 */
export function foreign(text: string | Text): HTMLElement {
  return el("bdi", {}, text);
}

/** A link that `open` follows within the CRM; plain text if the address is not allowed. */
export function link(text: string, url: string | null, className: string, open: (url: string) => void): HTMLElement {
  const safe = safeUrl(url);
  if (!safe) return el("span", { class: className, title: text }, foreign(text));
  const onclick = (event: Event) => {
    const mouse = event as MouseEvent;
    // Ctrl, Shift, the middle button: the browser's own "open in a new tab".
    if (mouse.ctrlKey || mouse.metaKey || mouse.shiftKey || mouse.button > 0) return;
    event.preventDefault();
    open(safe);
  };
  return el("a", { class: className, href: safe, rel: "noopener", title: text, onclick }, foreign(text));
}

/**
 * A shadow root's style. As a sheet, since a page of ours forbids styles within itself (Content-Security-Policy); as an
 * element in a browser without such sheets (Safari before 16.4).
 */
export function addStyle(root: ShadowRoot, css: string): void {
  if ("adoptedStyleSheets" in root && typeof CSSStyleSheet === "function") {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet];
    return;
  }
  const style = el("style");
  style.textContent = css;
  root.prepend(style);
}

const SVG = "http://www.w3.org/2000/svg";

/** Strokes on a 24x24 field. */
const icons = {
  phone:
    "M6.3 3.6 8.9 3l2.2 4.9-1.9 1.7a11.4 11.4 0 0 0 5.2 5.2l1.7-1.9 4.9 2.2-.6 2.6a3 3 0 0 1-3 2.3A14.6 14.6 0 0 1 4 6.6a3 3 0 0 1 2.3-3z",
  inbound: "M19 5 6 18M6 9v9h9",
  outbound: "M5 19 18 6M9 6h9v9",
  internal: "M4 12h16M8 8l-4 4 4 4M16 8l4 4-4 4",
  missed: "M4 7l8 8 8-8M4 13V7h6",
  minimise: "M6 12h12",
  close: "M7 7l10 10M17 7 7 17",
  chevron: "M7 10l5 5 5-5",
  play: "M8 5.5v13l10-6.5z",
  stop: "M7 7h10v10H7z",
  next: "M6 6.5v11l8-5.5zM17 6.5v11",
  check: "M5 12.5 10 17.5 19 7",
  copy: "M8.5 8.5V5.5h10v10h-3M5.5 8.5h10v10h-10z",
  pause: "M9 6.5v11M15 6.5v11",
  settings: "M4 7.5h9M17 7.5h3M4 16.5h3M11 16.5h9M15 5v5M9 14v5",
  warning: "M12 4 3 19.5h18zM12 10v4.5M12 17v.2",
  mail: "M4 6.5h16v11H4zM4 7.5l8 6 8-6",
  plus: "M12 6v12M6 12h12",
  bell: "M6 16.5V11a6 6 0 0 1 12 0v5.5l1.5 1.5h-15zM10 20.5h4",
  bell_off: "M8.2 6.3A6 6 0 0 1 18 11v4M6 10v6.5L4.5 18H17M10 20.5h4M4 4l16 16",
  handed_over: "M4 12h14M13 7l5 5-5 5",
  hang_up: "M3.5 15.5l-.6-2.6a13.6 13.6 0 0 1 18.2 0l-.6 2.6-4.9-.6-.5-2.5a9 9 0 0 0-6.2 0l-.5 2.5z",
} as const;

export type Icon = keyof typeof icons;

export function icon(name: Icon): SVGElement {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", icons[name]);
  svg.append(path);
  return svg;
}
