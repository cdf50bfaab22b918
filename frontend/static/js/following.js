// Follow an analysis to its end: server-sent events, and polling wherever a stream does not hold.

import { call } from "./api.js";

const POLL_MS = 1500;
const OVER = new Set(["done", "failed"]);

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function poll(analysisId, onProgress) {
  for (;;) {
    const analysis = await call("GET", `/analyses/${analysisId}`).catch((error) => {
      if (error.status && error.status < 500) throw error;
      return null; // the server restarts: ask again
    });
    if (analysis) {
      onProgress(analysis);
      if (OVER.has(analysis.state)) return analysis;
    }
    await wait(POLL_MS);
  }
}

function listen(analysisId, onProgress) {
  return new Promise((resolve) => {
    const stream = new EventSource(`/api/v1/analyses/${analysisId}/events`);
    const end = (analysis) => {
      stream.close();
      resolve(analysis);
    };
    const read = (event) => {
      const analysis = JSON.parse(event.data);
      onProgress(analysis);
      if (OVER.has(analysis.state)) end(analysis);
    };
    for (const name of ["message", "progress", "done", "failed"]) stream.addEventListener(name, read);
    stream.addEventListener("error", (event) => {
      if (!event.data) end(null); // polling takes over
    });
  });
}

export async function follow(analysisId, onProgress) {
  const ended = await listen(analysisId, onProgress);
  return ended ?? poll(analysisId, onProgress);
}
