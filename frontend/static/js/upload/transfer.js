// Hash, ask, send: four files at a time, each retried when the network or the server falters.

import { Refusal, call } from "../api.js";

const PARALLEL = 4;
const ATTEMPTS = 6;
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const isFaltering = (error) => !(error instanceof Refusal) || error.status >= 500 || error.status === 429;

async function persistently(action) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await action();
    } catch (error) {
      if (!isFaltering(error) || attempt === ATTEMPTS) throw error;
      await wait(Math.min(500 * 2 ** attempt, 15000));
    }
  }
}

async function isThere(path) {
  const response = await fetch(`/api/v1${path}`, { method: "HEAD", credentials: "same-origin" });
  if (response.status >= 500) throw new Refusal(response.status, {});
  return response.ok;
}

// Answers the item's state: sent, there (already), refused or failed, with the server's sentence.
async function sendOne(item, hash, maxFileBytes) {
  if (item.file.size > maxFileBytes) {
    return { state: "refused", message: "The file is larger than an image of this microscope can be; it was not sent." };
  }
  try {
    const path = `/wells/${item.wellId}/images/${await hash(item.file)}`;
    // A well made a moment ago is empty: only an older one is asked.
    if (item.mayBeThere && (await persistently(() => isThere(path)))) return { state: "there" };
    const name = encodeURIComponent(item.file.name);
    const image = await persistently(() =>
      call("PUT", `${path}?filename=${name}`, {
        body: item.file,
        headers: { "Content-Type": "application/octet-stream" },
      }),
    );
    return { state: "sent", imageId: image.id };
  } catch (error) {
    if (!isFaltering(error)) return { state: "refused", message: error.message, requestId: error.requestId };
    return { state: "failed", message: "It could not be sent. Drop the same folder again to send only what is missing." };
  }
}

export async function sendAll(items, { hash, maxFileBytes, onState }) {
  const queue = items.values();
  const lane = async () => {
    for (const item of queue) {
      onState(item, { state: "sending" });
      onState(item, await sendOne(item, hash, maxFileBytes));
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, lane));
}
