// The list stays up to date: the same page is asked for again and its list exchanged.

const PAUSE_MS = { moving: 3000, still: 20000 };
const live = () => document.querySelector("[data-live]");

async function refresh() {
  const old = live();
  // Whoever is reading or typing in the list is not disturbed.
  if (old.contains(document.activeElement) || document.hidden) return;
  const response = await fetch(location.href, { credentials: "same-origin" });
  if (!response.ok || response.redirected) return;
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const fresh = page.querySelector("[data-live]");
  if (!fresh || fresh.innerHTML === old.innerHTML) return;
  if (fresh.className === old.className) old.replaceWith(document.adoptNode(fresh));
  else location.reload(); // the first sample brings the search with it
}

async function watch() {
  while (live()) {
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS[live().dataset.live]));
    await refresh().catch(() => {}); // the server restarts: ask again
  }
}

watch();
