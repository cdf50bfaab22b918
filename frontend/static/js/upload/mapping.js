// Which folder is which well: as read from the names, corrected by a person, then made.

import { send } from "../api.js";
import { element } from "./elements.js";
import { megabytes } from "./progress.js";
import { clash, existing, wellName } from "./wells.js";

const LEFT_OUT = "left-out";
const labelOf = ({ folder }) => folder || "files without a folder";

function choice(options, value, label, onChange) {
  const select = element("select", "", { "aria-label": label });
  for (const [name, text] of options) select.append(element("option", text, { value: name }));
  select.value = String(value);
  select.addEventListener("change", () => onChange(select.value));
  return select;
}

const OUTLETS = [
  ["unsorted", "Unsorted"],
  ...Array.from({ length: 12 }, (_, before) => [String(before + 1), `Outlet ${before + 1}`]),
  [LEFT_OUT, "Do not send"],
];
const AGAIN = [
  ["complete", "Add to its images"],
  ["retake", "Taken again: replace them"],
];

export class Mapping {
  #groups = [];
  #wells = [];
  #profiles = [];

  constructor({ rows, problem, button, instrument, sampleId }) {
    Object.assign(this, { rows, problem, button, instrument, sampleId });
  }

  show(groups, wells, profiles) {
    this.#groups = groups;
    this.#wells = wells;
    this.#profiles = profiles;
    this.instrument.hidden = !this.#asksInstrument;
    this.rows.replaceChildren(...groups.map((group) => this.#row(group)));
    this.#check();
  }

  get items() {
    return this.#sent.flatMap(({ files }) => files);
  }

  // A second try after a refusal must neither make a well nor begin a retake again.
  async makeWells() {
    for (const group of this.#sent) {
      const old = existing(group, this.#wells);
      const well = old ?? (await this.#makeWell(group));
      if (!old) this.#wells.push({ ...well, isNew: true });
      else if (group.again === "retake") await send("POST", `/wells/${well.id}/scans`, {});
      group.again = "complete";
      const mayBeThere = Boolean(old && !old.isNew);
      for (const item of group.files) Object.assign(item, { wellId: well.id, well: wellName(group), mayBeThere });
    }
  }

  complain(message) {
    this.problem.textContent = message;
    this.problem.hidden = !message;
  }

  get #sent() {
    return this.#groups.filter(({ outlet }) => outlet !== LEFT_OUT);
  }

  // Where one microscope is known, there is nothing to ask.
  get #asksInstrument() {
    return this.#profiles.length > 1;
  }

  #makeWell({ outlet, number, position, profile }) {
    const further = { ...(position ? { position } : {}), ...(this.#asksInstrument ? { profile_id: profile } : {}) };
    return send("POST", `/samples/${this.sampleId}/wells`, { outlet, number, ...further });
  }

  #check() {
    const problem = this.#problem();
    this.complain(problem);
    this.button.disabled = Boolean(problem);
    for (const group of this.#groups) {
      const well = group.outlet === LEFT_OUT ? null : existing(group, this.#wells);
      this.#offerRetake(group, well);
      if (this.#asksInstrument) this.#offerInstrument(group, well);
    }
  }

  #problem() {
    if (!this.#sent.length) return "Every folder is left out: there is nothing to send.";
    if (this.#sent.some(({ number }) => !Number.isInteger(number) || number < 1)) return "Every well needs a number of 1 or more.";
    const twins = clash(this.#sent);
    if (!twins) return "";
    return `${labelOf(twins[0])} and ${labelOf(twins[1])} stand for the same well. Give one of them another number.`;
  }

  // Only a well that holds images can be taken again.
  #offerRetake(group, well) {
    group.retake.hidden = !well?.images?.total;
    group.fresh.hidden = !group.retake.hidden;
  }

  // A well keeps the instrument it was made with.
  #offerInstrument(group, well) {
    group.instrument.disabled = Boolean(well);
    group.instrument.value = well?.profile_id ?? group.profile;
  }

  #row(group) {
    const label = labelOf(group);
    const row = element("tr");
    const bytes = group.files.reduce((sum, { file }) => sum + file.size, 0);
    row.append(element("th", label, { scope: "row" }), element("td", `${group.files.length} (${megabytes(bytes)})`, { class: "number", "data-label": "Files" }));
    for (const [name, ...fields] of this.#fields(group, label)) {
      const cell = element("td", "", { "data-label": name });
      cell.append(...fields);
      row.append(cell);
    }
    return row;
  }

  #fields(group, label) {
    group.again = "complete";
    group.retake = choice(AGAIN, group.again, `${label} and the images already here`, (value) => {
      group.again = value;
    });
    group.fresh = element("span", "New well", { class: "muted" });
    const instrument = this.#asksInstrument ? [["Instrument", this.#instrumentOf(group, label)]] : [];
    return [
      ["Cells in it", choice(OUTLETS, group.outlet, `Cells in ${label}`, (value) => this.#setOutlet(group, value))],
      ["Well number", this.#typed(group, "number", { type: "number", min: "1", max: "999", "aria-label": `Well number of ${label}` })],
      ["Place on the plate", this.#typed(group, "position", { type: "text", maxlength: "8", "aria-label": `Place on the plate of ${label}`, placeholder: "such as B2" })],
      ...instrument,
      ["Already here", group.retake, group.fresh],
    ];
  }

  // Most likely that of the sample's newest well.
  #instrumentOf(group, label) {
    group.profile = this.#wells.at(-1)?.profile_id ?? this.#profiles[0].id;
    const names = this.#profiles.map(({ id, name }) => [id, name]);
    group.instrument = choice(names, group.profile, `Instrument of ${label}`, (value) => {
      group.profile = value;
    });
    return group.instrument;
  }

  #setOutlet(group, value) {
    group.outlet = value === "unsorted" || value === LEFT_OUT ? value : Number(value);
    this.#check();
  }

  #typed(group, key, attributes) {
    const input = element("input", "", attributes);
    input.value = group[key] ?? "";
    input.addEventListener("input", () => {
      group[key] = key === "number" ? Number(input.value) : input.value.trim();
      this.#check();
    });
    return input;
  }
}
