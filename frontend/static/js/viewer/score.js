// The sample's score follows every correction: until the new one is there the strip says so, then what it was.

import { follow } from "../following.js";
import { part, refreshHere } from "./parts.js";

let followed = "";
let before = "";
let isUnderWay = false; // a correction is being saved whose score is not followed yet

// Called before a correction is sent: what the score was, until a new one is told.
export function noteScore() {
  isUnderWay = true;
  before ||= part("score").dataset.exact || "none";
}

function compare() {
  const strip = part("score");
  const note = strip.querySelector("[data-score-before]");
  if (!note || !before) return;
  note.textContent = before === strip.dataset.exact ? ", unchanged" : `, was ${before} before`;
  note.hidden = false;
  if (!isUnderWay) before = "";
}

// After a correction was saved.
export function followCorrection() {
  isUnderWay = false;
  return followScore();
}

export async function followScore() {
  const analysis = part("score").dataset.analysis;
  if (analysis && analysis === followed) return;
  if (analysis) {
    followed = analysis;
    await follow(analysis, () => {});
    if (followed !== analysis) return; // a later correction is followed instead
    await refreshHere(["score", "corrections"]);
    followed = "";
    await followScore();
    return;
  }
  compare();
}
