// Follow a piece of work to its end: server-sent events, and polling wherever a stream does not hold.

import { call } from "./api.js";

const POLL_MS = 1500;
const ANALYSIS_OVER = new Set(["done", "failed"]);

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function poll(path, onProgress, over) {
  for (;;) {
    const work = await call("GET", path).catch((error) => {
      if (error.status && error.status < 500) throw error;
      return null; // the server restarts: ask again
    });
    if (work) {
      onProgress(work);
      if (over.has(work.state)) return work;
    }
    await wait(POLL_MS);
  }
}

function listen(path, onProgress, over) {
  return new Promise((resolve) => {
    const stream = new EventSource(`/api/v1${path}/events`);
    const end = (work) => {
      stream.close();
      resolve(work);
    };
    const read = (event) => {
      const work = JSON.parse(event.data);
      onProgress(work);
      if (over.has(work.state)) end(work);
    };
    for (const name of ["message", "progress", "done", "failed"]) stream.addEventListener(name, read);
    stream.addEventListener("error", (event) => {
      if (!event.data) end(null); // polling takes over
    });
  });
}

export async function listenTo(path, onProgress, over) {
  const ended = await listen(path, onProgress, over);
  return ended ?? poll(path, onProgress, over);
}

export const follow = (analysisId, onProgress) =>
  listenTo(`/analyses/${analysisId}`, onProgress, ANALYSIS_OVER);
