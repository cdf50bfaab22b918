// What was dropped or chosen, as a flat list of { file, path }; folders are walked to the bottom.

const SYSTEM_FILES = new Set(["thumbs.db", "desktop.ini", "__macosx"]);
const isVisible = (path) => path.split("/").every((part) => !part.startsWith(".") && !SYSTEM_FILES.has(part.toLowerCase()));

const fileOf = (entry) => new Promise((resolve, reject) => entry.file(resolve, reject));

// readEntries answers at most 100 entries at a time: ask until it answers none.
async function childrenOf(directory) {
  const reader = directory.createReader();
  const all = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return all;
    all.push(...some);
  }
}

async function walk(entry, path, found) {
  if (entry.isFile) {
    found.push({ file: await fileOf(entry), path });
    return;
  }
  for (const child of await childrenOf(entry)) await walk(child, `${path}/${child.name}`, found);
}

export async function readDropped(dataTransfer) {
  // The entries must be taken before the first await: the browser empties the list afterwards.
  const entries = Array.from(dataTransfer.items, (item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return readChosen(dataTransfer.files);
  const found = [];
  for (const entry of entries) await walk(entry, entry.name, found);
  return ordered(found);
}

export function readChosen(files) {
  return ordered(Array.from(files, (file) => ({ file, path: file.webkitRelativePath || file.name })));
}

function ordered(found) {
  const collator = new Intl.Collator("en", { numeric: true });
  return found.filter(({ path }) => isVisible(path)).sort((a, b) => collator.compare(a.path, b.path));
}
