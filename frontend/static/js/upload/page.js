// The upload on a page: choose or drop, correct the wells, send, analyse, show what came of it.

import { call, send } from "../api.js";
import { follow } from "../following.js";
import { Arrivals } from "./arrivals.js";
import { element } from "./elements.js";
import { Gate } from "./gate.js";
import { startHashing } from "./hashing.js";
import { Mapping } from "./mapping.js";
import { Progress, megabytes, timeLeft } from "./progress.js";
import { readChosen, readDropped } from "./reading.js";
import { sendAll } from "./transfer.js";
import { groupByWell } from "./wells.js";

const STATES = { waiting: "Waiting", sending: "Sending", sent: "Sent", there: "Already here", refused: "Refused", failed: "Not sent", unused: "Sent, not used" };
const part = document.querySelector("[data-upload]");
const find = (name) => part.querySelector(`[data-${name}]`);

function step(name) {
  for (const one of part.querySelectorAll("[data-step]")) one.hidden = one.dataset.step !== name;
}

const existingWells = async () => (await call("GET", `/samples/${part.dataset.sample}`)).wells;
const knownProfiles = async () => (await call("GET", "/instrument-profiles")).items;

// Choosing

function watchDrop() {
  const drop = find("drop");
  const over = (event) => {
    event.preventDefault();
    drop.classList.add("over");
  };
  drop.addEventListener("dragenter", over);
  drop.addEventListener("dragover", over);
  drop.addEventListener("dragleave", () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    take(readDropped(event.dataTransfer));
  });
  // A folder dropped beside the field must not make the browser leave the page.
  for (const name of ["dragover", "drop"]) window.addEventListener(name, (event) => event.preventDefault());
  for (const name of ["folder", "files"]) {
    find(name).addEventListener("change", ({ target }) => {
      take(Promise.resolve(readChosen(target.files)));
      target.value = "";
    });
  }
}

async function take(reading) {
  const note = find("reading");
  note.hidden = false;
  note.textContent = "Reading the folder…";
  try {
    const files = await reading;
    if (!files.length) {
      note.textContent = "There are no files in it. Choose the folder that holds the wells' folders.";
      return;
    }
    const [wells, profiles] = await Promise.all([existingWells(), knownProfiles()]);
    note.hidden = true;
    mapping.show(groupByWell(files, wells), wells, profiles);
    showMapping();
  } catch (error) {
    note.textContent = `The folder could not be read: ${error.message}`;
  }
}

// Mapping folders to wells

let mapping;

function showMapping() {
  step("map");
  find("map-head").focus();
}

// Sending

async function start() {
  find("send").disabled = true;
  try {
    await mapping.makeWells();
  } catch (error) {
    mapping.complain(error.message);
    find("send").disabled = false;
    return;
  }
  step("send");
  find("send-head").focus();
  const { items } = mapping;
  showFiles(items);
  const arrivals = watchArrivals(items);
  await sendItems(items);
  await analyse(items);
  await arrivals.stop();
}

// Verdicts come while files still arrive: a well is taken again while its plate is on the stage.
function watchArrivals(items) {
  const arrivals = new Arrivals(find("arrivals-place"), {
    sampleHref: part.dataset.sampleHref,
    onUnused: (ids) => markUnused(items, new Set(ids)),
    speak: (words) => {
      find("spoken").textContent = words;
    },
  });
  arrivals.watch();
  return arrivals;
}

function markUnused(items, ids) {
  for (const item of items) if (item.state === "sent" && ids.has(item.imageId)) mark(item, { state: "unused" });
}

function showFiles(items) {
  const rows = items.map((item) => {
    const row = element("tr");
    item.cell = element("td", STATES.waiting);
    row.append(element("td", item.file.name), element("td", item.well), item.cell);
    return row;
  });
  find("file-rows").replaceChildren(...rows);
}

function mark(item, result) {
  Object.assign(item, result);
  item.cell.textContent = STATES[result.state];
  item.cell.className = `state-${result.state}`;
  if (result.message) showRefused(item);
}

// Files refused for the same reason share one note: forty equal sentences help nobody.
const refusals = new Map();

function showRefused({ file, well, message, requestId }) {
  const same = refusals.get(message) ?? { note: element("li", "", { class: "note bad" }), names: [], requestId };
  same.names.push(`${file.name} for ${well}`);
  refusals.set(message, same);
  const title = element("p");
  title.append(element("b", same.names.length === 1 ? same.names[0] : `${same.names.length} files`));
  same.note.replaceChildren(title, element("p", message));
  if (same.names.length > 1) same.note.append(listOf(same.names));
  if (same.requestId) same.note.append(element("p", `Request ${same.requestId}`, { class: "small muted" }));
  if (!same.note.isConnected) find("refused-list").append(same.note);
  find("refused").hidden = false;
}

function listOf(names) {
  const list = element("details");
  list.append(element("summary", "Which files"), element("p", names.join(", "), { class: "small" }));
  return list;
}

async function sendItems(items) {
  const leaving = (event) => event.preventDefault();
  window.addEventListener("beforeunload", leaving);
  const hashing = startHashing();
  const progress = new Progress(items);
  const startedAt = performance.now();
  const gate = pauseable();
  await sendAll(items, {
    gate,
    hash: hashing.hash,
    maxFileBytes: Number(part.dataset.maxFileBytes),
    onAway: showAway,
    onState(item, result) {
      mark(item, result);
      if (result.state === "sending") return;
      progress.add(item.file.size);
      showProgress(progress, startedAt);
    },
  });
  find("pause").hidden = true;
  hashing.stop();
  window.removeEventListener("beforeunload", leaving);
}

function pauseable() {
  const gate = new Gate();
  const button = find("pause");
  button.hidden = false;
  button.addEventListener("click", () => {
    if (gate.isOpen) gate.close();
    else gate.open();
    button.textContent = gate.isOpen ? "Pause" : "Go on sending";
    find("send-head").textContent = gate.isOpen ? "Sending the images" : "Paused";
    if (!gate.isOpen) find("rate").textContent = "What is under way is finished; nothing more is sent.";
  });
  return gate;
}

function showAway(why) {
  for (const name of ["away", "signed-out"]) find(name).hidden = name !== why;
}

let spokenAt = 0;

function showProgress(progress, startedAt) {
  const rate = progress.rate(startedAt);
  find("bar").value = progress.share;
  find("counts").textContent = `${progress.done} of ${progress.files} files, ${megabytes(progress.bytes)} of ${megabytes(progress.total)}`;
  find("rate").textContent = `${megabytes(rate)}/s, ${timeLeft((progress.total - progress.bytes) / rate)}`;
  // A screen reader hears every fourth of the way, not every file.
  const quarter = Math.floor(progress.share * 4);
  if (quarter > spokenAt) find("spoken").textContent = find("counts").textContent;
  spokenAt = quarter;
}

// Analysing

const count = (items, ...states) => items.filter(({ state }) => states.includes(state)).length;

function conclude(tone, ...lines) {
  const note = element("div", "", { class: `note ${tone}`, role: "status" });
  note.append(...lines);
  find("result").replaceChildren(note);
}

const linkToSample = (text) => {
  const line = element("p", "", { class: "actions" });
  line.append(
    element("a", text, { class: "button primary", href: part.dataset.sampleHref }),
    element("a", "Add more images", { class: "button", href: `${part.dataset.sampleHref}/upload` }),
  );
  return line;
};

async function analyse(items) {
  find("rate").textContent = "";
  find("counts").textContent = `${count(items, "sent", "unused")} sent, ${count(items, "there")} were here already, ${count(items, "refused", "failed")} not stored`;
  if (!count(items, "sent", "unused", "there")) {
    conclude("bad", element("p", "None of the files could be stored. Their reasons are below."), linkToSample("Go to the sample"));
    return;
  }
  find("send-head").textContent = "Analysing the images";
  try {
    const asked = await send("POST", `/samples/${part.dataset.sample}/analyses`, {});
    const ended = await follow(asked.id, showAnalysis);
    find("send-head").textContent = "Finished";
    await showOutcome(ended);
  } catch (error) {
    conclude("bad", element("p", error.message), linkToSample("Go to the sample"));
  }
}

function showAnalysis({ progress }) {
  find("bar").value = progress.images_total ? progress.images_done / progress.images_total : 0;
  find("counts").textContent = `${progress.images_done} of ${progress.images_total} images analysed`;
}

// The state beside the donor's name is that of before the upload.
async function showState() {
  const old = document.querySelector("[data-state]");
  const response = old && (await fetch(part.dataset.sampleHref, { credentials: "same-origin" }));
  if (!response?.ok || response.redirected) return;
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const fresh = page.querySelector("[data-state]");
  if (fresh) old.replaceWith(document.adoptNode(fresh));
}

async function showOutcome(analysis) {
  showState().catch(() => {}); // the result below says it, too
  find("spoken").textContent = "Finished";
  find("keep-open").hidden = true;
  if (analysis.state === "failed") {
    conclude("bad", element("p", analysis.failure?.message ?? "The analysis could not finish."), linkToSample("Go to the sample"));
    return;
  }
  try {
    const score = await call("GET", `/samples/${part.dataset.sample}/score`);
    const [low, high] = score.rigidity_interval.map((end) => end.toFixed(2));
    const line = element("p", "Image rigidity score ");
    line.append(element("b", score.rigidity_score.toFixed(2), { "data-score": "" }), ` (95 % interval ${low} to ${high}; higher = more rigid)`);
    const lines = [line];
    if (score.model_version.demonstration) lines.push(element("p", "Scored by a demonstration model, trained on simulated cells.", { class: "small" }));
    conclude("good", ...lines, linkToSample("Show the result"));
  } catch (error) {
    conclude("warning", element("p", error.message), linkToSample("Show the cells"));
  }
}

if (part) {
  mapping = new Mapping({ rows: find("map-rows"), problem: find("map-problem"), button: find("send"), instrument: find("map-instrument"), sampleId: part.dataset.sample });
  watchDrop();
  find("send").addEventListener("click", start);
  find("again").addEventListener("click", () => step("choose"));
  part.dataset.ready = "";
}
