// The upload on a page: choose or drop, correct the wells, send, analyse, show what came of it.

import { call, send } from "../api.js";
import { follow } from "../following.js";
import { startHashing } from "./hashing.js";
import { Progress, megabytes, timeLeft } from "./progress.js";
import { readChosen, readDropped } from "./reading.js";
import { sendAll } from "./transfer.js";
import { clash, existing, groupByWell, wellName } from "./wells.js";

const STATES = { waiting: "Waiting", sending: "Sending", sent: "Sent", there: "Already here", refused: "Refused", failed: "Not sent" };
const part = document.querySelector("[data-upload]");
const find = (name) => part.querySelector(`[data-${name}]`);

function element(tag, text = "", attributes = {}) {
  const made = document.createElement(tag);
  made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

function step(name) {
  for (const one of part.querySelectorAll("[data-step]")) one.hidden = one.dataset.step !== name;
}

const existingWells = async () => (await call("GET", `/samples/${part.dataset.sample}`)).wells;

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
    const wells = await existingWells();
    note.hidden = true;
    showMapping(groupByWell(files, wells), wells);
  } catch (error) {
    note.textContent = `The folder could not be read: ${error.message}`;
  }
}

// Mapping folders to wells

function choiceOfOutlet(group, label) {
  const select = element("select", "", { "aria-label": `Cells in ${label}` });
  select.append(element("option", "Unsorted", { value: "unsorted" }));
  for (let outlet = 1; outlet <= 12; outlet += 1) select.append(element("option", `Outlet ${outlet}`, { value: outlet }));
  select.value = String(group.outlet);
  select.addEventListener("change", () => {
    group.outlet = select.value === "unsorted" ? "unsorted" : Number(select.value);
    checkMapping();
  });
  return select;
}

function typed(group, key, attributes) {
  const input = element("input", "", attributes);
  input.value = group[key] ?? "";
  input.addEventListener("input", () => {
    group[key] = key === "number" ? Number(input.value) : input.value.trim();
    checkMapping();
  });
  return input;
}

function mappingRow(group) {
  const label = group.folder || "files without a folder";
  const row = element("tr");
  const bytes = group.files.reduce((sum, { file }) => sum + file.size, 0);
  row.append(element("th", label, { scope: "row" }), element("td", `${group.files.length} (${megabytes(bytes)})`, { class: "number", "data-label": "Files" }));
  const fields = [
    ["Cells in it", choiceOfOutlet(group, label)],
    ["Well number", typed(group, "number", { type: "number", min: "1", max: "999", "aria-label": `Well number of ${label}` })],
    ["Place on the plate", typed(group, "position", { type: "text", maxlength: "8", "aria-label": `Place on the plate of ${label}`, placeholder: "such as B2" })],
  ];
  for (const [name, field] of fields) {
    const cell = element("td", "", { "data-label": name });
    cell.append(field);
    row.append(cell);
  }
  return row;
}

let mapping = [];
let known = [];

function showMapping(groups, wells) {
  mapping = groups;
  known = wells;
  find("map-rows").replaceChildren(...groups.map(mappingRow));
  step("map");
  checkMapping();
  find("map-head").focus();
}

function mappingProblem() {
  if (mapping.some(({ number }) => !Number.isInteger(number) || number < 1)) return "Every well needs a number of 1 or more.";
  const twins = clash(mapping);
  if (!twins) return "";
  const [first, second] = twins.map(({ folder }) => folder || "files without a folder");
  return `${first} and ${second} stand for the same well. Give one of them another number.`;
}

function checkMapping() {
  const problem = mappingProblem();
  find("map-problem").textContent = problem;
  find("map-problem").hidden = !problem;
  find("send").disabled = Boolean(problem);
}

async function makeWells() {
  for (const group of mapping) {
    const old = existing(group, known);
    const well = old ?? (await makeWell(group));
    for (const item of group.files) Object.assign(item, { wellId: well.id, well: wellName(group), mayBeThere: Boolean(old) });
    if (!old) known.push(well); // a second try after a refusal must not make it again
  }
}

const makeWell = ({ outlet, number, position }) =>
  send("POST", `/samples/${part.dataset.sample}/wells`, { outlet, number, ...(position ? { position } : {}) });

// Sending

async function start() {
  find("send").disabled = true;
  try {
    await makeWells();
  } catch (error) {
    find("map-problem").textContent = error.message;
    find("map-problem").hidden = false;
    find("send").disabled = false;
    return;
  }
  step("send");
  find("send-head").focus();
  const items = mapping.flatMap(({ files }) => files);
  showFiles(items);
  await sendItems(items);
  await analyse(items);
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
  await sendAll(items, {
    hash: hashing.hash,
    maxFileBytes: Number(part.dataset.maxFileBytes),
    onState(item, result) {
      mark(item, result);
      if (result.state === "sending") return;
      progress.add(item.file.size);
      showProgress(progress, startedAt);
    },
  });
  hashing.stop();
  window.removeEventListener("beforeunload", leaving);
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
  const line = element("p");
  line.append(element("a", text, { class: "button primary", href: part.dataset.sampleHref }));
  return line;
};

async function analyse(items) {
  find("rate").textContent = "";
  find("counts").textContent = `${count(items, "sent")} sent, ${count(items, "there")} were here already, ${count(items, "refused", "failed")} not stored`;
  if (!count(items, "sent", "there")) {
    conclude("bad", element("p", "None of the files could be stored. Their reasons are below."));
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

// The images that were stored but cannot be used, as the sample's own page tells them.
async function showUnused() {
  const response = await fetch(part.dataset.sampleHref, { credentials: "same-origin" });
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const unused = page.querySelector("[data-unused]");
  find("unused").replaceChildren(...(unused ? [document.adoptNode(unused)] : []));
}

async function showOutcome(analysis) {
  find("spoken").textContent = "Finished";
  find("keep-open").hidden = true;
  await showUnused();
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
  watchDrop();
  find("send").addEventListener("click", start);
  find("again").addEventListener("click", () => step("choose"));
  part.dataset.ready = "";
}
