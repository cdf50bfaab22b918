// One worker, many questions: hash(file) answers with the hexadecimal SHA-256.

export function startHashing() {
  const worker = new Worker("/static/js/upload/hash_worker.js", { type: "module" });
  const waiting = new Map();
  let next = 0;
  worker.addEventListener("message", ({ data }) => {
    const { resolve, reject } = waiting.get(data.key);
    waiting.delete(data.key);
    if (data.unreadable) reject(new Error("The file could not be read; it may have been moved since it was dropped."));
    else resolve(data.sha256);
  });
  const hash = (file) =>
    new Promise((resolve, reject) => {
      next += 1;
      waiting.set(next, { resolve, reject });
      worker.postMessage({ key: next, file });
    });
  return { hash, stop: () => worker.terminate() };
}
