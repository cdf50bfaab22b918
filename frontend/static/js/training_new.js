// The form of a new training run: what the ticked samples hold, and what to expect of them.

import { call } from "./api.js";

const LEVELS = { info: "info", warning: "warning", reject: "bad" };

const boxes = [...document.querySelectorAll('input[name="samples"]')];
const summary = document.querySelector("[data-summary]");
const warnings = document.querySelector("[data-warnings]");
let asked = 0;

const counted = (count, noun) => `${count.toLocaleString("en").replaceAll(",", "\u202f")} ${noun}${count === 1 ? "" : "s"}`;

function summaryOf({ rows, outlets, excluded_outlets: excluded }) {
  const usable = rows.flatMap((row) =>
    row.wells.flatMap((wells, place) => (excluded.includes(outlets[place]) ? [] : wells)).filter((well) => well.n_cells),
  );
  const cells = usable.reduce((sum, well) => sum + well.n_cells, 0);
  const donors = new Set(usable.map((well) => well.donor)).size;
  return `${counted(cells, "cell")} in ${counted(usable.length, "well")} of ${counted(donors, "donor")}`;
}

function noteOf({ level, message }) {
  const item = document.createElement("li");
  item.className = `note ${LEVELS[level]}`;
  const text = document.createElement("p");
  text.textContent = message;
  item.append(text);
  return item;
}

function show(text, findings) {
  const strong = document.createElement("b");
  strong.textContent = text;
  summary.replaceChildren(strong);
  warnings.replaceChildren(...findings.map(noteOf));
}

async function look() {
  const question = (asked += 1);
  const ticked = boxes.filter((box) => box.checked);
  if (!ticked.length) return show("Nothing is ticked; tick at least three donors.", []);
  const query = new URLSearchParams(ticked.map((box) => ["samples", box.value]));
  try {
    const coverage = await call("GET", `/training-runs/coverage?${query}`);
    if (question === asked) show(summaryOf(coverage), coverage.warnings);
  } catch (error) {
    if (question === asked) show(error.message, []);
  }
}

for (const box of boxes) box.addEventListener("change", look);
for (const button of document.querySelectorAll("[data-tick]")) {
  button.addEventListener("click", () => {
    for (const box of boxes) box.checked = button.dataset.tick === "all";
    look();
  });
}
document.querySelector("[data-ticking]")?.removeAttribute("hidden");
// Ticked before this script was there, or kept by the browser on the way back.
if (boxes.some((box) => box.checked !== box.defaultChecked)) look();
