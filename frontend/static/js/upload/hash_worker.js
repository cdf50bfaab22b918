// Hashes files off the page's own thread, so that the page stays responsive.

import { sha256Hex } from "./sha256.js";

const hex = (buffer) => Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");

async function digest(file) {
  const bytes = await file.arrayBuffer();
  if (self.crypto && self.crypto.subtle) return hex(await self.crypto.subtle.digest("SHA-256", bytes));
  return sha256Hex(bytes);
}

self.addEventListener("message", async ({ data }) => {
  try {
    self.postMessage({ key: data.key, sha256: await digest(data.file) });
  } catch {
    self.postMessage({ key: data.key, unreadable: true });
  }
});
