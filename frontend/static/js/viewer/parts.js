// The page's parts, exchanged for the ones the server has now: one place words and numbers come from.

import { SIGNED_OUT, reach } from "../api.js";

export const part = (name, page = document) => page.querySelector(`[data-part="${name}"]`);

export async function fetchText(href, signal) {
  const response = await reach(href, { credentials: "same-origin", signal });
  if (response.ok && !response.redirected) return response.text();
  throw new Error(response.redirected ? SIGNED_OUT : `The server answered ${response.status}.`);
}

// The focus stays where it was, and what was unfolded stays unfolded.
function exchange(old, fresh) {
  if (!old || !fresh || old.outerHTML === fresh.outerHTML) return;
  const focused = old.contains(document.activeElement) ? document.activeElement.id : "";
  const isOpen = [...old.querySelectorAll("details")].map(({ open }) => open);
  const scrolled = old.querySelector("[tabindex='0']")?.scrollTop ?? 0;
  old.replaceWith(document.adoptNode(fresh));
  fresh.querySelectorAll("details").forEach((details, n) => {
    details.open = isOpen[n] ?? details.open;
  });
  const scroller = fresh.querySelector("[tabindex='0']");
  if (scroller) scroller.scrollTop = scrolled;
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
}

// Markup of our own server, parsed without running anything.
const parsed = (markup) => new DOMParser().parseFromString(markup, "text/html");

export async function refresh(href, names) {
  const page = parsed(await fetchText(href));
  for (const name of names) exchange(part(name), part(name, page));
}

// Whoever goes on to another cell meanwhile sees that one's parts, not those of the one before.
export async function refreshHere(names) {
  for (;;) {
    const { href } = location;
    const page = parsed(await fetchText(href));
    if (href !== location.href) continue;
    for (const name of names) exchange(part(name), part(name, page));
    return;
  }
}

export function fill(name, markup) {
  const fresh = part(name).cloneNode(false);
  fresh.append(...[...parsed(markup).body.childNodes].map((node) => document.adoptNode(node)));
  exchange(part(name), fresh);
}
