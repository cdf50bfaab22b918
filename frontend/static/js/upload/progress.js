// How much is done, how fast, and how long it will still take.

const WINDOW_MS = 8000;

export class Progress {
  constructor(items) {
    this.total = items.reduce((sum, { file }) => sum + file.size, 0);
    this.files = items.length;
    this.bytes = 0;
    this.done = 0;
    this.marks = [];
  }

  add(bytes, now = performance.now()) {
    this.bytes += bytes;
    this.done += 1;
    this.marks.push({ at: now, bytes });
    this.marks = this.marks.filter(({ at }) => now - at < WINDOW_MS);
  }

  get share() {
    return this.total ? this.bytes / this.total : this.done / Math.max(this.files, 1);
  }

  rate(startedAt, now = performance.now()) {
    const seconds = Math.min(now - startedAt, WINDOW_MS) / 1000;
    return seconds ? this.marks.reduce((sum, { bytes }) => sum + bytes, 0) / seconds : 0;
  }
}

export const megabytes = (bytes) => `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;

export function timeLeft(seconds) {
  if (!Number.isFinite(seconds)) return "";
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))} s left`;
  return `${Math.round(seconds / 60)} min left`;
}
