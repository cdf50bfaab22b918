// The gallery: choose cells, exclude or restore them, undo; the score follows.

import { send } from "../api.js";
import { refreshHere } from "../viewer/parts.js";
import { followCorrection, followScore, noteScore } from "../viewer/score.js";
import { Choosing } from "./choosing.js";
import { drawCrops } from "./crops.js";

const WORDS = { accepted: "restored", rejected: "excluded" };

const list = document.querySelector("[data-gallery]");
const said = document.querySelector("[data-said]");
const choosing = list && new Choosing(list);
const done = [];
let saving = Promise.resolve();
let waiting = 0; // asked for and not saved yet
let isScoreBehind = false;

const counted = (n) => (n === 1 ? "1 cell" : `${n} cells`);

function say(text, tone = "good") {
  said.className = `note said ${tone}`;
  said.querySelector("[data-said-text]").textContent = text;
  said.querySelector("[data-undo]").hidden = done.length === 0;
}

function mark(tiles, verdict) {
  for (const tile of tiles) {
    tile.dataset.verdict = verdict;
    tile.dataset.byHand = "";
    tile.ariaLabel = tile.ariaLabel.replace(/^[^,]+/, `${verdict} by hand`);
  }
}

async function save(tiles, verdict, reason) {
  noteScore();
  await send("PATCH", "/cells", { cell_ids: tiles.map(({ dataset }) => dataset.cell), verdict, reason });
  mark(tiles, verdict);
  isScoreBehind = true;
}

// One after the other, as fast as they are asked for; nothing is dropped.
function enqueue(work) {
  waiting += 1;
  saving = saving
    .then(work)
    .catch((error) => say(`Not saved: ${error.message}`, "bad"))
    .then(() => {
      waiting -= 1;
      showScore().catch((error) => say(`Saved, but the score could not be followed: ${error.message}`, "warning"));
    });
  return saving;
}

// Saving comes first: a score is asked for once no key waits any more.
async function showScore() {
  if (waiting > 0 || !isScoreBehind) return;
  isScoreBehind = false;
  await refreshHere(["score"]);
  if (waiting === 0) await followCorrection();
}

// Whoever goes on leaves nothing unsaved behind.
const afterSaving = (leave) => saving.then(leave);

async function change(tiles, verdict, reason) {
  const changing = tiles.filter(({ dataset }) => dataset.verdict !== verdict);
  if (changing.length === 0) {
    say(`${tiles.length === 1 ? "It is" : "They are"} ${WORDS[verdict]} already.`, "info");
    return;
  }
  say("Saving…", "info");
  await save(changing, verdict, reason);
  done.push({ tiles: changing, verdict });
  say(`Saved: ${counted(changing.length)} ${WORDS[verdict]}. ${reason}.`);
}

async function undoLast() {
  const last = done.at(-1);
  if (!last) {
    say("There is nothing to undo on this page.", "info");
    return;
  }
  const before = last.verdict === "accepted" ? "rejected" : "accepted";
  await save(last.tiles, before, "Undone");
  done.pop();
  say(`Undone: ${counted(last.tiles.length)} ${WORDS[before]} again.`);
}

function correct(verdict) {
  const tiles = choosing.meant;
  const reason = document.querySelector(`[data-reason="${verdict}"]`).value;
  const wasOne = !choosing.hasChosen;
  choosing.chooseAll(false);
  if (wasOne) choosing.goOnAfter(tiles);
  return enqueue(() => change(tiles, verdict, reason));
}

const undo = () => enqueue(undoLast);
function openCell() {
  const { href } = choosing.focused.dataset;
  afterSaving(() => location.assign(href));
}

const nextPage = () => afterSaving(() => document.querySelector("[rel=next]")?.click());

const KEYS = {
  Enter: openCell,
  Escape: () => choosing.chooseAll(false),
  a: () => choosing.chooseAll(true),
  n: nextPage,
  ...(said && { x: () => correct("rejected"), r: () => correct("accepted"), u: undo }),
};

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const isKnown = choosing.pressed(event) || KEYS[event.key];
  if (!isKnown) return;
  event.preventDefault();
  KEYS[event.key]?.();
}

function listen() {
  list.addEventListener("keydown", pressed);
  list.addEventListener("dblclick", openCell);
  window.addEventListener("beforeunload", (event) => {
    if (waiting > 0) event.preventDefault();
  });
  for (const button of document.querySelectorAll("[data-correct]")) {
    button.addEventListener("click", () => correct(button.dataset.correct));
  }
  said?.querySelector("[data-undo]").addEventListener("click", undo);
  for (const element of document.querySelectorAll("[data-scripted]")) element.hidden = false;
}

const asked = document.querySelector("[data-asked]");
asked.addEventListener("change", () => afterSaving(() => asked.requestSubmit()));
asked.querySelector("button").hidden = true;
if (list) {
  listen();
  drawCrops(list).catch((error) => {
    const note = document.querySelector("[data-problem]");
    note.textContent = `The crops could not be loaded: ${error.message}.`;
    note.hidden = false;
  });
  followScore().catch(() => {}); // the score strip keeps what it says
}
