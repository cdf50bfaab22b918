// The page's parts, exchanged for the ones the server has now: one place words and numbers come from.

export const part = (name, page = document) => page.querySelector(`[data-part="${name}"]`);

export async function fetchText(href, signal) {
  const response = await fetch(href, { credentials: "same-origin", signal });
  if (response.ok && !response.redirected) return response.text();
  throw new Error(response.redirected ? "You are signed out; load the page again." : `The server answered ${response.status}.`);
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

export async function refresh(href, names) {
  const page = new DOMParser().parseFromString(await fetchText(href), "text/html");
  for (const name of names) exchange(part(name), part(name, page));
}

export function fill(name, markup) {
  const fresh = part(name).cloneNode(false);
  // Markup of our own server, parsed without running anything.
  const parsed = new DOMParser().parseFromString(markup, "text/html");
  fresh.append(...[...parsed.body.childNodes].map((node) => document.adoptNode(node)));
  exchange(part(name), fresh);
}
