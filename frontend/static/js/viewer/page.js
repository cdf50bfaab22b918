// One image: picture and outlines on a canvas, one cell chosen, corrections followed by the score.

import { Camera } from "./camera.js";
import { cellAt, matches, unpack } from "./cells.js";
import { afterSaving, correctCell, say, showCell, start, undo } from "./corrections.js";
import { Gestures } from "./gestures.js";
import { Painter } from "./painter.js";
import { fetchText, part, refresh } from "./parts.js";
import { followScore } from "./score.js";

const KEYS_ON = "viewer-keys";
const BUTTON_ZOOM = 1.6;
const PENDING_MS = 3000;
const REST_MS = 150; // without movement, after which a crowd is drawn sharply

const viewer = document.querySelector("[data-viewer]");
const stage = viewer.querySelector("[data-stage]");
const canvas = viewer.querySelector("[data-canvas]");
const announced = viewer.querySelector("[data-announced]");
const keysOn = viewer.querySelector("[data-keys-on]");
const image = { width: Number(viewer.dataset.width), height: Number(viewer.dataset.height) };
const camera = new Camera(image.width, image.height);
const painter = new Painter(canvas, image);

let cells = [];
let filter = viewer.dataset.show;
let chosen = viewer.dataset.chosen;
let isDrawing = false;
let resting = 0;
let isFullAsked = false;
let panelAsked = new AbortController();

const shownCells = () => cells.filter((cell) => matches(cell, filter));
const chosenCell = () => cells.find((cell) => cell.id === chosen);

function draw(isMoving) {
  isDrawing = false;
  painter.draw(camera, chosenCell(), isMoving);
  stage.classList.toggle("zoomed", !camera.isFit);
  if (camera.scale * painter.ratio * image.width > 1400) loadFullPicture();
}

function changed() {
  if (isDrawing) return;
  isDrawing = true;
  requestAnimationFrame(() => draw(painter.isCrowded));
  if (!painter.isCrowded) return;
  clearTimeout(resting);
  resting = setTimeout(() => draw(false), REST_MS);
}

function resize() {
  const { clientWidth, clientHeight } = stage;
  camera.resize(clientWidth, clientHeight);
  painter.resize(clientWidth, clientHeight, window.devicePixelRatio || 1);
  draw(false); // at once: a resized canvas is empty
}

async function addPicture(picture) {
  await picture.decode();
  painter.addPicture(await createImageBitmap(picture));
  changed();
}

function loadFullPicture() {
  if (isFullAsked) return;
  isFullAsked = true;
  const picture = new Image();
  picture.src = viewer.dataset.full;
  addPicture(picture).catch(() => {}); // the smaller picture goes on
}

async function loadCells() {
  const loaded = unpack(JSON.parse(await fetchText(viewer.dataset.outlines)));
  cells = loaded.cells;
  painter.setMask(loaded.mask);
  painter.setCells(shownCells());
  viewer.dataset.drawn = String(cells.length);
  viewer.dataset.masked = String(loaded.mask !== null);
  changed();
}

// The address names filter and cell, so that it can be passed on, and every refresh asks for the same.
function address() {
  const query = new URLSearchParams({ show: filter });
  if (chosen) query.set("cell", chosen);
  return `${viewer.dataset.href}?${query}`;
}

function markLine() {
  const list = part("list");
  for (const line of list.querySelectorAll("[data-cell]")) {
    const isChosen = line.dataset.cell === chosen;
    line.toggleAttribute("data-chosen", isChosen);
    if (isChosen) keepInView(list.querySelector(".cells"), line);
  }
  return list.querySelector("[data-chosen]") !== null;
}

// Only the list scrolls; scrollIntoView would move the page away from the picture.
function keepInView(scroller, line) {
  const [box, inner] = [scroller.getBoundingClientRect(), line.getBoundingClientRect()];
  const head = scroller.querySelector("thead").offsetHeight;
  if (inner.top < box.top + head) scroller.scrollTop -= box.top + head - inner.top;
  else if (inner.bottom > box.bottom) scroller.scrollTop += inner.bottom - box.bottom;
}

async function loadPanel(cell) {
  panelAsked.abort();
  panelAsked = new AbortController();
  showCell(await fetchText(`${viewer.dataset.href}/cells/${cell.id}`, panelAsked.signal));
}

async function choose(cell) {
  chosen = cell.id;
  camera.reveal(cell.row, cell.column);
  changed();
  history.replaceState(null, "", address());
  const panelShown = loadPanel(cell);
  if (!markLine()) await Promise.all([panelShown, refresh(address(), ["list"])]);
  await panelShown;
  markLine();
  announced.textContent = part("cell").querySelector(".cell-head")?.textContent ?? "";
}

const chooseQuietly = (cell) => choose(cell).catch((error) => {
  if (error.name !== "AbortError") say(`The cell could not be shown: ${error.message}`, "warning");
});

// By number, so that a cell whose correction took it out of the filter keeps its place in the row.
function step(by) {
  const from = chosenCell()?.number ?? (by > 0 ? 0 : Infinity);
  const ahead = shownCells().filter(({ number }) => (number - from) * by > 0);
  const next = by > 0 ? ahead[0] : ahead.at(-1);
  if (next) chooseQuietly(next);
  else say(by > 0 ? "This was the last cell shown." : "This was the first cell shown.", "info");
}

function enlarge() {
  const cell = chosenCell();
  if (!cell) {
    say("Choose a cell first.", "info");
    return;
  }
  camera.enlarge(cell.row, cell.column);
  changed();
}

async function setFilter(code) {
  filter = code;
  painter.setCells(shownCells());
  changed();
  history.replaceState(null, "", address());
  await refresh(address(), ["filters", "list"]);
}

const goTo = (rel) => afterSaving(() => document.querySelector(`[rel="${rel}"]`)?.click());

function correctChosen(verdict, fallback) {
  const cell = chosenCell();
  if (!fallback) say("These cells cannot be corrected by you, or not any more.", "info");
  else if (!cell) say("Choose a cell first.", "info");
  else correctCell(() => cells.find(({ id }) => id === cell.id), verdict, fallback);
}

const KEYS = {
  n: () => step(1),
  p: () => step(-1),
  x: () => correctChosen("rejected", viewer.dataset.excludeReason),
  r: () => correctChosen("accepted", viewer.dataset.restoreReason),
  u: undo,
  "[": () => goTo("prev"),
  "]": () => goTo("next"),
};

function pressed(event) {
  const isTyping = event.target.matches("input:not([type=checkbox]), select, textarea");
  if (isTyping || event.ctrlKey || event.metaKey || event.altKey || !keysOn.checked) return;
  const action = event.key === "Enter" && event.target === stage ? enlarge : KEYS[event.key];
  if (!action) return;
  event.preventDefault();
  action();
}

function clicked(event) {
  const link = event.target.closest("[data-show], [data-filter], [data-list-page]");
  if (!link || link === viewer || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  if (link.dataset.filter) setFilter(link.dataset.filter).catch((error) => say(error.message, "warning"));
  else if (link.dataset.show) chooseQuietly(cells.find((cell) => cell.id === link.dataset.show));
  else refresh(link.href, ["list"]).then(markLine).catch((error) => say(error.message, "warning"));
}

function prefetchNeighbours() {
  for (const link of document.querySelectorAll("[data-prefetch]")) new Image().src = link.dataset.prefetch;
}

function listen() {
  const gestures = new Gestures(stage, camera, {
    changed,
    clicked: ({ x, y }) => {
      const cell = cellAt(shownCells(), camera.toImage(x, y));
      if (cell) chooseQuietly(cell);
    },
    anchor: () => {
      const cell = chosenCell();
      return cell && camera.isSeen(cell.row, cell.column) ? camera.toScreen(cell.row, cell.column) : null;
    },
  });
  const zooms = {
    in: () => gestures.zoomMiddle(BUTTON_ZOOM),
    out: () => gestures.zoomMiddle(1 / BUTTON_ZOOM),
    fit: () => {
      camera.fit();
      changed();
    },
  };
  for (const button of viewer.querySelectorAll("[data-zoom]")) {
    button.addEventListener("click", zooms[button.dataset.zoom]);
  }
  keysOn.checked = localStorage.getItem(KEYS_ON) !== "off";
  keysOn.addEventListener("change", () => localStorage.setItem(KEYS_ON, keysOn.checked ? "on" : "off"));
  document.addEventListener("keydown", pressed);
  viewer.addEventListener("click", clicked);
}

// A verdict comes within seconds; until then there is nothing on the page that a reload could disturb.
if ("pending" in viewer.dataset) setTimeout(() => location.reload(), PENDING_MS);
for (const element of viewer.querySelectorAll("[data-scripted]")) element.hidden = false;
viewer.dataset.live = "";
new ResizeObserver(resize).observe(stage);
listen();
start(loadCells);
addPicture(viewer.querySelector("[data-picture]")).then(() => requestIdleCallback(prefetchNeighbours));
loadCells().catch((error) => {
  const note = viewer.querySelector("[data-problem]");
  note.textContent = `The outlines could not be loaded: ${error.message}`;
  note.hidden = false;
});
followScore().catch((error) => say(`The score could not be followed: ${error.message}`, "warning"));
