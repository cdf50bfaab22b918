// Which well a folder stands for, read from its name; a person may correct every guess.

const PLACE = /(?:^|[^a-z0-9])([a-p])0?([1-9]|1[0-9]|2[0-4])(?=$|[^a-z0-9])/i;
const OUTLET = /(?:outlet|out|o|t)[\s_-]*([1-9]|1[0-2])(?![0-9])/i;
const UNSORTED = /unsorted|mixed|whole/i;
const WELL = /(?:well|w|unsorted)[\s_-]*([0-9]{1,3})(?![0-9])/i;
const LAST_NUMBER = /([0-9]{1,3})$/;

const folderOf = (path) => path.split("/").slice(0, -1).join("/");

export function readName(folder) {
  const name = folder.split("/").pop();
  const place = name.match(PLACE);
  const outlet = UNSORTED.test(name) ? null : name.match(OUTLET);
  const rest = outlet ? name.replace(outlet[0], "") : name;
  const number = place ? null : rest.match(WELL) || (outlet ? rest.match(LAST_NUMBER) : null);
  return {
    outlet: outlet ? Number(outlet[1]) : "unsorted",
    number: number ? Number(number[1]) : null,
    position: place ? `${place[1].toUpperCase()}${place[2]}` : "",
  };
}

// One group per folder that holds files; numbers that a name does not tell are the next free ones.
export function groupByWell(files, existingWells) {
  const groups = new Map();
  for (const item of files) {
    const folder = folderOf(item.path);
    if (!groups.has(folder)) groups.set(folder, { folder, files: [], ...readName(folder) });
    groups.get(folder).files.push(item);
  }
  const list = [...groups.values()];
  for (const group of list) adopt(group, existingWells);
  for (const group of list) if (!group.number) group.number = freeNumber(group, list, existingWells);
  return list;
}

const sameOutlet = (a, b) => String(a ?? "unsorted") === String(b ?? "unsorted");

// A well that the sample already has at this place is the same well, sent again or completed.
function adopt(group, existingWells) {
  const same = existingWells.find((well) => group.position && well.position === group.position);
  if (!same) return;
  group.outlet = same.outlet ?? "unsorted";
  group.number = same.number;
}

function freeNumber(group, groups, existingWells) {
  const taken = [...groups, ...existingWells].filter((one) => sameOutlet(one.outlet, group.outlet)).map((one) => one.number);
  let number = 1;
  while (taken.includes(number)) number += 1;
  return number;
}

export function clash(groups) {
  const seen = new Map();
  for (const group of groups) {
    const key = `${group.outlet}/${group.number}`;
    if (seen.has(key)) return [seen.get(key), group];
    seen.set(key, group);
  }
  return null;
}

export const existing = (group, wells) =>
  wells.find((well) => sameOutlet(well.outlet, group.outlet) && well.number === group.number);

export const wellName = (group) =>
  group.position || `${group.outlet === "unsorted" ? "unsorted" : `outlet ${group.outlet}`} ${group.number}`;
