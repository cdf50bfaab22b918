// Hash, ask, send: four files at a time. A dead network only delays; a file at fault is named.

import { Refusal, call } from "../api.js";

const PARALLEL = 4;
const ATTEMPTS = 6;
const LONGEST_PAUSE_MS = 5000;
const SIGNED_OUT = 401; // somebody signs in again in another tab, and sending goes on
const AWAY = new Set([SIGNED_OUT, 502, 503, 504]);
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const isAway = (error) => !(error instanceof Refusal) || AWAY.has(error.status);
const isFaltering = (error) => isAway(error) || error.status === 429 || error.status === 500;

class Unreadable extends Error {
  constructor() {
    super("The file could not be read; it may have been moved since it was dropped.");
  }
}

// A file that was moved fails as the network does: look at it before waiting for the network.
async function checkReadable(file) {
  try {
    await file.slice(0, 1).arrayBuffer();
  } catch {
    throw new Unreadable();
  }
}

// Tried until the server is back, however long that takes; its own faults are tried a few times.
async function persistently(action, file, onAway) {
  for (let attempt = 1, faults = 0; ; attempt += 1) {
    try {
      const answer = await action();
      onAway(null);
      return answer;
    } catch (error) {
      faults += isAway(error) ? 0 : 1;
      if (!isFaltering(error) || faults === ATTEMPTS) throw error;
      if (isAway(error)) onAway(error.status === SIGNED_OUT ? "signed-out" : "away");
      await checkReadable(file);
      await wait(Math.min(250 * 2 ** attempt, LONGEST_PAUSE_MS));
    }
  }
}

async function isThere(path) {
  const response = await fetch(`/api/v1${path}`, { method: "HEAD", credentials: "same-origin" });
  if (response.status >= 500 || response.status === SIGNED_OUT) throw new Refusal(response.status, {});
  return response.ok;
}

const put = (path, file) =>
  call("PUT", `${path}?filename=${encodeURIComponent(file.name)}`, {
    body: file,
    headers: { "Content-Type": "application/octet-stream" },
  });

// A well made a moment ago is empty: only an older one is asked before anything is sent. A try that
// failed may have arrived all the same, its answer lost: asking costs less than sending it again.
function bring(path, { file, mayBeThere }, onAway) {
  let isAsked = mayBeThere;
  return persistently(
    async () => {
      if (isAsked && (await isThere(path))) return { state: "there" };
      isAsked = true;
      const image = await put(path, file);
      return { state: "sent", imageId: image.id };
    },
    file,
    onAway,
  );
}

// Answers the item's state: sent, there (already), refused or failed, with the reason.
async function sendOne(item, { hash, maxFileBytes, onAway }) {
  const { file } = item;
  if (file.size > maxFileBytes) {
    return { state: "refused", message: "The file is larger than an image of this microscope can be; it was not sent." };
  }
  try {
    return await bring(`/wells/${item.wellId}/images/${await hash(file)}`, item, onAway);
  } catch (error) {
    if (!(error instanceof Refusal)) return { state: "refused", message: error.message };
    if (isFaltering(error)) {
      return { state: "failed", message: "The server failed on it several times. Drop the same folder again to send only what is missing.", requestId: error.requestId };
    }
    return { state: "refused", message: error.message, requestId: error.requestId };
  }
}

export async function sendAll(items, { gate, onState, ...means }) {
  const queue = items.values();
  const lane = async () => {
    for (const item of queue) {
      await gate.passed();
      onState(item, { state: "sending" });
      onState(item, await sendOne(item, means));
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, lane));
}
