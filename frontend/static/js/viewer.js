// Outlines over the picture: coloured by p(deformable), the chosen cell ringed; the table is the keyboard's way.

import { call } from "./api.js";

const SCALE = ["#d55e00", "#f0a85f", "#f7f3ea", "#6fb5e0", "#0072b2"];
const REJECTED = "#51606f";
const UNCLASSIFIED = "#ffffff";
const viewer = document.querySelector("[data-viewer]");
const canvas = viewer.querySelector("[data-canvas]");
const shown = { accepted: true, rejected: true };
let cells = [];
let chosen = null;

const colourOf = (cell) => {
  if (cell.verdict === "rejected") return REJECTED;
  if (cell.p_deformable == null) return UNCLASSIFIED;
  return SCALE[Math.min(SCALE.length - 1, Math.floor(cell.p_deformable * SCALE.length))];
};

function trace(pen, cell, scale) {
  pen.beginPath();
  for (const [row, column] of cell.outline) pen.lineTo(column * scale, row * scale);
  pen.closePath();
}

function drawCell(pen, cell, scale, ratio) {
  const isChosen = cell.id === chosen;
  const isRejected = cell.verdict === "rejected";
  trace(pen, cell, scale);
  pen.setLineDash([]);
  if (!isRejected) {
    // A dark edge keeps the pale steps of the scale visible on a light background.
    pen.lineWidth = 3 * ratio;
    pen.strokeStyle = "rgb(20 28 36 / 45%)";
    pen.stroke();
  }
  pen.setLineDash(isRejected ? [3 * ratio, 2.5 * ratio] : []);
  pen.lineWidth = (isRejected ? 1.25 : 1.75) * ratio;
  pen.strokeStyle = colourOf(cell);
  pen.stroke();
  if (isChosen) ring(pen, cell, scale, ratio);
}

function ring(pen, cell, scale, ratio) {
  pen.setLineDash([]);
  pen.beginPath();
  pen.arc(cell.column * scale, cell.row * scale, 24 * ratio, 0, 2 * Math.PI);
  pen.lineWidth = 2.5 * ratio;
  pen.strokeStyle = "#000000";
  pen.stroke();
}

function draw() {
  const ratio = window.devicePixelRatio || 1;
  const side = canvas.clientWidth * ratio;
  canvas.width = side;
  canvas.height = canvas.clientHeight * ratio;
  const pen = canvas.getContext("2d");
  const scale = side / Number(viewer.dataset.width);
  for (const cell of cells) if (shown[cell.verdict]) drawCell(pen, cell, scale, ratio);
}

function choose(id) {
  chosen = id;
  for (const row of viewer.querySelectorAll("[data-cell]")) {
    const isChosen = row.dataset.cell === id;
    row.toggleAttribute("data-chosen", isChosen);
    if (isChosen) row.scrollIntoView({ block: "nearest" });
  }
  draw();
}

function nearest(event) {
  const box = canvas.getBoundingClientRect();
  const scale = Number(viewer.dataset.width) / box.width;
  const column = (event.clientX - box.left) * scale;
  const row = (event.clientY - box.top) * scale;
  const distance = (cell) => Math.hypot(cell.row - row, cell.column - column);
  const [best] = cells.filter((cell) => shown[cell.verdict]).sort((a, b) => distance(a) - distance(b));
  return best && distance(best) < 40 ? best.id : null;
}

async function load() {
  for (let path = viewer.dataset.cells; path; ) {
    const page = await call("GET", path);
    cells = cells.concat(page.items);
    path = page.next_cursor ? `${viewer.dataset.cells}?cursor=${encodeURIComponent(page.next_cursor)}` : "";
  }
  viewer.dataset.drawn = String(cells.length);
  draw();
}

for (const toggle of viewer.querySelectorAll("[data-toggle]")) {
  toggle.addEventListener("change", () => {
    shown[toggle.dataset.toggle] = toggle.checked;
    draw();
  });
}
viewer.querySelector("[data-cell-rows]")?.addEventListener("click", (event) => {
  const row = event.target.closest("[data-cell]");
  if (row) choose(row.dataset.cell);
});
canvas.addEventListener("click", (event) => choose(nearest(event)));
new ResizeObserver(draw).observe(canvas);
load().catch((error) => {
  const note = viewer.querySelector("[data-viewer-problem]");
  note.textContent = `The outlines could not be loaded: ${error.message}`;
  note.hidden = false;
});
