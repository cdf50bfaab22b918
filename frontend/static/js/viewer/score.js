// The sample's score follows every correction: until the new one is there the strip says so, then what it was.

import { follow } from "../following.js";
import { part, refresh } from "./parts.js";

let followed = "";
let before = "";

// Called before a correction is sent: what the score was, until a new one is told.
export function noteScore() {
  before ||= part("score").dataset.exact || "none";
}

function compare() {
  const strip = part("score");
  const note = strip.querySelector("[data-score-before]");
  if (!note || !before) return;
  note.textContent = before === strip.dataset.exact ? ", unchanged" : `, was ${before} before`;
  note.hidden = false;
  before = "";
}

export async function followScore() {
  const analysis = part("score").dataset.analysis;
  if (analysis && analysis === followed) return;
  if (analysis) {
    followed = analysis;
    await follow(analysis, () => {});
    if (followed !== analysis) return; // a later correction is followed instead
    await refresh(location.href, ["score", "corrections"]);
    followed = "";
    await followScore();
    return;
  }
  compare();
}
