// Exclude, restore, undo: saved one after the other as fast as they are asked for, said aloud, and
// followed by the score.

import { send } from "../api.js";
import { fill, refreshHere } from "./parts.js";
import { reasonFor, reasonOf, recall, remember } from "./reasons.js";
import { followCorrection, noteScore } from "./score.js";

const PARTS = ["chip", "judgement", "score", "filters", "cell", "list", "corrections"];
const VERBS = { accepted: "restored", rejected: "excluded" };
const KINDS = { accepted: "restore-cell", rejected: "exclude-cell" };

const said = document.querySelector("[data-said]");
const done = [];
const unsaved = new Set();
let reload = async () => {};
let queue = Promise.resolve();
let waiting = 0;
let isSaving = false;

// What could not be saved is said until it is: the next key's answer must not hide it.
export function say(text, tone = "good") {
  const further = unsaved.size && !text.startsWith("Not saved") ? ` Not saved: ${[...unsaved].join(", ")}.` : "";
  said.className = `note said ${unsaved.size ? "bad" : tone}`;
  said.querySelector("[data-said-text]").textContent = text + further;
  said.querySelector("[data-undo]").hidden = done.length === 0;
}

// Keys come faster than answers: what is asked for waits its turn, and nothing is dropped.
function enqueue(work) {
  waiting += 1;
  queue = queue.then(async () => {
    waiting -= 1;
    await work().catch((error) => say(error.message, "warning"));
  });
  return queue;
}

async function show() {
  if (waiting > 0) return; // the last one shows all
  await Promise.all([refreshHere(PARTS), reload()]);
  recallReasons();
  followCorrection().catch((error) => say(`Saved, but the score could not be followed: ${error.message}`, "warning"));
}

async function save({ api, subject, verdict, reason, text }) {
  noteScore();
  say("Saving…", "info");
  isSaving = true;
  try {
    await send("PATCH", api, { verdict, reason });
  } catch (error) {
    unsaved.add(subject);
    say(`Not saved: ${[...unsaved].join(", ")}. ${error.message}`, "bad");
    return false;
  } finally {
    isSaving = false;
  }
  unsaved.delete(subject);
  say(text);
  await show();
  return true;
}

async function correct({ api, before, subject }, verdict, reason) {
  done.push({ api, before, subject });
  const isSaved = await save({ api, subject, verdict, reason, text: `Saved: ${subject} ${VERBS[verdict]}. ${reason}.` });
  if (!isSaved) done.pop();
}

async function submit(form) {
  const reason = reasonOf(form);
  if (!reason) {
    form.elements.words.focus();
    say("Write why, then send it again.", "warning");
    return;
  }
  remember(form);
  await correct(form.dataset, form.elements.verdict.value, reason);
}

async function correctFound(cell, verdict, fallback) {
  const subject = `Cell ${cell.number}`;
  if (cell.verdict === verdict) {
    say(`${subject} is ${VERBS[verdict]} already.`, "info");
    return;
  }
  const reason = reasonFor(KINDS[verdict], fallback);
  await correct({ api: `/cells/${cell.id}`, before: cell.verdict, subject }, verdict, reason);
}

// x and r: `find` gives the cell as it is when its turn comes.
export function correctCell(find, verdict, fallback) {
  return enqueue(() => correctFound(find(), verdict, fallback));
}

async function undoLast() {
  const last = done.pop();
  if (!last) {
    say("There is nothing to undo on this page.", "info");
    return;
  }
  const text = `Undone: ${last.subject} ${VERBS[last.before]} again.`;
  const isSaved = await save({ api: last.api, subject: last.subject, verdict: last.before, reason: "Undone", text });
  if (!isSaved) done.push(last);
  else say(text);
}

export const undo = () => enqueue(undoLast);

const isUnsaved = () => waiting > 0 || isSaving;

// Whoever goes on leaves nothing unsaved behind.
export const afterSaving = (leave) => (isUnsaved() ? queue.then(leave) : leave());

function recallReasons() {
  document.querySelectorAll("[data-correction]").forEach(recall);
}

export function showCell(markup) {
  fill("cell", markup);
  recallReasons();
}

export function start(reloadCells) {
  reload = reloadCells;
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("[data-correction]")) return;
    event.preventDefault();
    enqueue(() => submit(event.target));
  });
  document.addEventListener("change", (event) => {
    const form = event.target.closest("[data-correction]");
    if (form && reasonOf(form)) remember(form);
  });
  said.querySelector("[data-undo]").addEventListener("click", undo);
  window.addEventListener("beforeunload", (event) => {
    if (isUnsaved()) event.preventDefault();
  });
  recallReasons();
}
