// SHA-256 (FIPS 180-4) for pages without a secure context, where crypto.subtle does not exist.

const fractionBits = (root) => ((root - Math.floor(root)) * 2 ** 32) | 0;

function primes(count) {
  const found = [];
  for (let n = 2; found.length < count; n += 1) {
    if (found.every((prime) => n % prime)) found.push(n);
  }
  return found;
}

const K = Int32Array.from(primes(64), (prime) => fractionBits(Math.cbrt(prime)));
const START = Int32Array.from(primes(8), (prime) => fractionBits(Math.sqrt(prime)));
const BLOCK = 64;
const rotate = (word, bits) => (word >>> bits) | (word << (32 - bits));

function absorb(state, w, view, offset) {
  for (let i = 0; i < 16; i += 1) w[i] = view.getInt32(offset + 4 * i);
  for (let i = 16; i < 64; i += 1) {
    const a = w[i - 15];
    const b = w[i - 2];
    const s0 = rotate(a, 7) ^ rotate(a, 18) ^ (a >>> 3);
    const s1 = rotate(b, 17) ^ rotate(b, 19) ^ (b >>> 10);
    w[i] = (w[i - 16] + s0 + w[i - 7] + s1) | 0;
  }
  let [a, b, c, d, e, f, g, h] = state;
  for (let i = 0; i < 64; i += 1) {
    const s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
    const t1 = (h + s1 + ((e & f) ^ (~e & g)) + K[i] + w[i]) | 0;
    const s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
    const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g; g = f; f = e; e = (d + t1) | 0;
    d = c; c = b; b = a; a = (t1 + t2) | 0;
  }
  [a, b, c, d, e, f, g, h].forEach((word, i) => { state[i] = (state[i] + word) | 0; });
}

function padded(tail, length) {
  const block = new Uint8Array(tail.length < BLOCK - 8 ? BLOCK : 2 * BLOCK);
  block.set(tail);
  block[tail.length] = 0x80;
  const view = new DataView(block.buffer);
  view.setUint32(block.length - 8, Math.floor(length / 2 ** 29));
  view.setUint32(block.length - 4, (length << 3) >>> 0);
  return view;
}

export function sha256Hex(buffer) {
  const state = START.slice();
  const w = new Int32Array(64);
  const view = new DataView(buffer);
  const whole = buffer.byteLength - (buffer.byteLength % BLOCK);
  for (let offset = 0; offset < whole; offset += BLOCK) absorb(state, w, view, offset);
  const last = padded(new Uint8Array(buffer, whole), buffer.byteLength);
  for (let offset = 0; offset < last.byteLength; offset += BLOCK) absorb(state, w, last, offset);
  return Array.from(state, (word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
}
