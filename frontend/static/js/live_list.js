// The list stays up to date: the same page is asked for again and its list exchanged.

const PAUSE_MS = { moving: 3000, still: 20000 };
const live = () => document.querySelector("[data-live]");

// Not under the hands of whoever types a search.
function reload() {
  if (!document.activeElement.matches("input, select, textarea")) location.reload();
}

async function refresh() {
  const old = live();
  // Whoever is reading or typing in the list is not disturbed.
  if (old.contains(document.activeElement) || document.hidden) return;
  const response = await fetch(location.href, { credentials: "same-origin" });
  // Signed out: the list would stay as it is, and be believed. The sign-in leads back here.
  if (response.redirected) reload();
  if (!response.ok || response.redirected) return;
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const fresh = page.querySelector("[data-live]");
  if (fresh?.innerHTML === old.innerHTML) return;
  if (fresh?.className === old.className) old.replaceWith(document.adoptNode(fresh));
  else reload(); // the first sample brings the search with it, the last one leaves a word
}

async function watch() {
  while (live()) {
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS[live().dataset.live]));
    await refresh().catch(() => {}); // the server restarts: ask again
  }
}

watch();
