// Exclude, restore, undo: each is saved at once, said aloud, and followed by the score.

import { send } from "../api.js";
import { fill, part, refresh } from "./parts.js";
import { reasonOf, recall, remember } from "./reasons.js";
import { followScore, noteScore } from "./score.js";

const PARTS = ["chip", "judgement", "score", "filters", "cell", "list", "corrections"];
const VERBS = { accepted: "restored", rejected: "excluded" };

const said = document.querySelector("[data-said]");
const undone = [];
let reload = async () => {};

export function say(text, tone = "good") {
  said.className = `note said ${tone}`;
  said.querySelector("[data-said-text]").textContent = text;
  said.querySelector("[data-undo]").hidden = undone.length === 0;
}

async function save(path, verdict, reason, text) {
  noteScore();
  say("Saving…", "info");
  try {
    await send("PATCH", path, { verdict, reason });
  } catch (error) {
    say(`Not saved: ${error.message}`, "bad");
    return false;
  }
  await Promise.all([refresh(location.href, PARTS), reload()]);
  recallReasons();
  say(text);
  followScore().catch((error) => say(`Saved, but the score could not be followed: ${error.message}`, "warning"));
  return true;
}

export async function submit(form) {
  const reason = reasonOf(form);
  if (!reason) {
    form.elements.words.focus();
    say("Write why, then send it again.", "warning");
    return;
  }
  remember(form);
  const { api, before, subject } = form.dataset;
  const verdict = form.elements.verdict.value;
  undone.push({ api, before, subject });
  const isSaved = await save(api, verdict, reason, `Saved: ${subject} ${VERBS[verdict]}. ${reason}.`);
  if (!isSaved) undone.pop();
}

export async function undo() {
  const last = undone.pop();
  if (!last) {
    say("There is nothing to undo on this page.", "info");
    return;
  }
  const isSaved = await save(last.api, last.before, "Undone", `Undone: ${last.subject} ${VERBS[last.before]} again.`);
  if (!isSaved) undone.push(last);
}

export function recallReasons() {
  document.querySelectorAll("[data-correction]").forEach(recall);
}

export function showCell(markup) {
  fill("cell", markup);
  recallReasons();
}

// x and r: the form of the chosen cell, if it says what the key says.
export function correctCell(verdict) {
  const form = part("cell").querySelector("[data-correction]");
  if (!form) say("Choose a cell first.", "info");
  else if (form.elements.verdict.value === verdict) return submit(form);
  else say(`${form.dataset.subject} is ${VERBS[verdict]} already.`, "info");
  return undefined;
}

export function start(reloadCells) {
  reload = reloadCells;
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("[data-correction]")) return;
    event.preventDefault();
    submit(event.target);
  });
  said.querySelector("[data-undo]").addEventListener("click", undo);
  recallReasons();
}
