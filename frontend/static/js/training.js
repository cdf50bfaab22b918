// A training run's page while it runs: its parts are read anew whenever the run reports.

import { listenTo } from "./following.js";

const PAUSE_MS = 1000;
const OVER = new Set(["done", "failed", "cancelled"]);

const run = document.querySelector("[data-run]");
const spoken = run?.querySelector("[data-run-spoken]");
let isReading = false;
let lastStage = "";

async function refresh() {
  const response = await fetch(location.href, { credentials: "same-origin" });
  if (!response.ok || response.redirected) return;
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  for (const part of document.querySelectorAll("[data-run-part]")) {
    const next = fresh.querySelector(`[data-run-part="${part.dataset.runPart}"]`);
    if (next && next.innerHTML !== part.innerHTML) part.replaceWith(document.adoptNode(next));
  }
}

// Readers hear of each fit once, not of each epoch.
function speak({ progress }) {
  const stage = `${progress.stage} ${progress.fold ?? ""}`;
  if (stage === lastStage) return;
  lastStage = stage;
  spoken.textContent = document.querySelector("[data-run-text]")?.textContent ?? "";
}

async function show(state) {
  if (isReading || OVER.has(state.state)) return;
  isReading = true;
  await refresh().catch(() => {}); // the server restarts: the next report reads again
  speak(state);
  await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  isReading = false;
}

if (run) {
  listenTo(`/training-runs/${run.dataset.run}`, show, OVER)
    .then(() => location.reload())
    .catch((error) => {
      spoken.textContent = error.message;
    });
}
