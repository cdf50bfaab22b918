// The gallery: choose cells, exclude, restore or relabel them, undo; the score follows.

import { send } from "../api.js";
import { refreshHere } from "../viewer/parts.js";
import { followCorrection, followScore, noteScore } from "../viewer/score.js";
import { Choosing } from "./choosing.js";
import { drawCrops } from "./crops.js";

const WORDS = { accepted: "restored", rejected: "excluded" };

const LEFT_AT = "gallery-left-at";
const FIRST = "first cell";

const asked = document.querySelector("[data-asked]");
const list = document.querySelector("[data-gallery]");
const said = document.querySelector("[data-said]");
const choosing = list && new Choosing(list);
const done = []; // for each change the steps that take it back
let saving = Promise.resolve();
let waiting = 0; // asked for and not saved yet
let isScoreBehind = false;

const counted = (n) => (n === 1 ? "1 cell" : `${n} cells`);

const unsaved = () => list.querySelectorAll("[data-unsaved]").length;

// What could not be saved is said until it is: the next key's answer must not hide it.
function say(text, tone = "good") {
  const open = unsaved();
  said.className = `note said ${open ? "bad" : tone}`;
  const further = open && !text.startsWith("Not saved") ? ` Not saved: ${counted(open)}, marked with “!”. Choose again what they are.` : "";
  said.querySelector("[data-said-text]").textContent = text + further;
  said.querySelector("[data-undo]").hidden = done.length === 0;
}

const captionOf = (tile) => tile.querySelector(".caption");
const found = new Map(); // what the captions of cells say that nobody corrected

function captionFor(tile, { verdict, correction, p_deformable: p, findings }) {
  if (verdict === "accepted" && p !== null) return `${Math.round(100 * p)}\u00a0%`;
  return correction?.reason ?? found.get(tile) ?? findings[0] ?? "";
}

// As the server has it now: a word that was taken back leaves no trace.
function mark(tile, cell) {
  const { verdict, correction } = cell;
  tile.dataset.verdict = verdict;
  tile.toggleAttribute("data-by-hand", correction !== null);
  if (correction) tile.dataset.why = correction.reason;
  else delete tile.dataset.why;
  tile.ariaLabel = tile.ariaLabel.replace(/^[^,]+/, correction ? `${verdict} by hand` : verdict);
  captionOf(tile).textContent = captionFor(tile, cell);
}

function markUnsaved(tiles, isUnsaved) {
  for (const tile of tiles) tile.toggleAttribute("data-unsaved", isUnsaved);
}

async function save(tiles, verdict, reason) {
  noteScore();
  let answer;
  try {
    answer = await send("PATCH", "/cells", { cell_ids: tiles.map(({ dataset }) => dataset.cell), verdict, reason });
  } catch (error) {
    markUnsaved(tiles, true);
    throw error;
  }
  markUnsaved(tiles, false);
  tiles.forEach((tile, n) => mark(tile, answer.items[n]));
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
  const before = verdict === "accepted" ? "rejected" : "accepted";
  done.push({ says: `${counted(changing.length)} ${WORDS[before]} again`, steps: [{ tiles: changing, verdict: before, reason: "Undone" }] });
  say(`Saved: ${counted(changing.length)} ${WORDS[verdict]}. ${reason}.`);
}

const byHand = (verdict) => (tile) => tile.dataset.verdict === verdict && tile.dataset.why;

// Another reason for what was excluded or restored by hand; what Pliant found has its own words.
async function relabel(tiles) {
  let count = 0;
  const steps = [];
  for (const verdict of ["rejected", "accepted"]) {
    const reason = reasonNow(verdict);
    const changing = tiles.filter(byHand(verdict)).filter(({ dataset }) => dataset.why !== reason);
    if (changing.length === 0) continue;
    const old = Map.groupBy(changing, ({ dataset }) => dataset.why);
    say("Saving…", "info");
    await save(changing, verdict, reason);
    for (const [why, some] of old) steps.push({ tiles: some, verdict, reason: why });
    count += changing.length;
  }
  if (count === 0) {
    say("Nothing to relabel: choose cells corrected by hand, and another reason above.", "info");
    return;
  }
  done.push({ says: `${counted(count)} with the old reason again`, steps });
  say(`Saved: ${counted(count)} with another reason.`);
}

async function undoLast() {
  const last = done.at(-1);
  if (!last) {
    say("There is nothing to undo on this page.", "info");
    return;
  }
  for (const { tiles, verdict, reason } of last.steps) await save(tiles, verdict, reason);
  done.pop();
  say(`Undone: ${last.says}.`);
}

const reasonNow = (verdict) => document.querySelector(`[data-reason="${verdict}"]`).value;

// The cells that are meant, after which review goes on by itself.
function taken() {
  const tiles = choosing.meant;
  const wasOne = !choosing.hasChosen;
  choosing.chooseAll(false);
  if (wasOne) choosing.goOnAfter(tiles);
  return tiles;
}

function correct(verdict) {
  const tiles = taken();
  const reason = reasonNow(verdict);
  return enqueue(() => change(tiles, verdict, reason));
}

function relabelTaken() {
  const tiles = taken();
  return enqueue(() => relabel(tiles));
}

const undo = () => enqueue(undoLast);

function openCell() {
  const { href, cell } = choosing.focused.dataset;
  afterSaving(() => {
    sessionStorage.setItem(LEFT_AT, cell);
    location.assign(href);
  });
}

function nextPage() {
  afterSaving(() => {
    sessionStorage.setItem(LEFT_AT, FIRST);
    document.querySelector("[rel=next]")?.click();
  });
}

// Whoever asked, turned the page or looked at a cell by keys goes on where the hand was.
function takeUpFocus() {
  const at = sessionStorage.getItem(LEFT_AT);
  sessionStorage.removeItem(LEFT_AT);
  const select = asked.elements[at];
  const place = choosing?.tiles.findIndex(({ dataset }) => dataset.cell === at) ?? -1;
  if (select) {
    select.closest("details")?.setAttribute("open", "");
    select.focus();
  } else if (choosing && (at === FIRST || place >= 0)) choosing.focusAt(Math.max(place, 0));
}

const KEYS = {
  Enter: openCell,
  Escape: () => choosing.chooseAll(false),
  a: () => choosing.chooseAll(true),
  n: nextPage,
  ...(said && { x: () => correct("rejected"), r: () => correct("accepted"), l: relabelTaken, u: undo }),
};

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const isKnown = choosing.pressed(event) || KEYS[event.key];
  if (!isKnown) return;
  event.preventDefault();
  KEYS[event.key]?.();
}

// The reasons chosen last stay from page to page: the first of the list would be wrong and unseen.
function rememberReasons() {
  for (const select of document.querySelectorAll("[data-reason]")) {
    const key = `gallery-reason:${select.dataset.reason}`;
    const kept = [...select.options].find(({ value }) => value === localStorage.getItem(key));
    if (kept) select.value = kept.value;
    select.addEventListener("change", () => localStorage.setItem(key, select.value));
  }
}

function listen() {
  rememberReasons();
  for (const tile of choosing.tiles) {
    if (!("byHand" in tile.dataset)) found.set(tile, captionOf(tile).textContent);
  }
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

asked.addEventListener("change", ({ target }) =>
  afterSaving(() => {
    sessionStorage.setItem(LEFT_AT, target.name);
    asked.requestSubmit();
  }),
);
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
takeUpFocus();
