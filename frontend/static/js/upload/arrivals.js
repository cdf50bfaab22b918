// What the server makes of the images while others still arrive: asked for again and again.

const SHORTEST_PAUSE_MS = 1500;
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function fragmentOf(sampleHref) {
  const response = await fetch(`${sampleHref}/arrivals`, { credentials: "same-origin" });
  if (!response.ok || response.redirected) return null;
  const parsed = new DOMParser().parseFromString(await response.text(), "text/html");
  return parsed.querySelector("[data-arrivals]");
}

// Whoever has the keyboard in the list is not disturbed.
const isBusy = (place) => place.contains(document.activeElement);

export class Arrivals {
  #isWatching = false;
  #spoken = new Set();

  constructor(place, { sampleHref, onUnused, speak }) {
    Object.assign(this, { place, sampleHref, onUnused, speak });
  }

  async look() {
    const fresh = await fragmentOf(this.sampleHref).catch(() => null); // the server restarts
    if (!fresh) return;
    const opened = new Set(Array.from(this.place.querySelectorAll("details[open]"), ({ id }) => id));
    for (const details of fresh.querySelectorAll("details")) details.open = opened.has(details.id);
    this.onUnused(Array.from(fresh.querySelectorAll("[data-image]"), ({ dataset }) => dataset.image));
    if (fresh.innerHTML === this.place.firstElementChild?.innerHTML || isBusy(this.place)) return;
    this.place.replaceChildren(document.adoptNode(fresh));
    this.#speakOfNew(fresh);
  }

  // A long list of images makes the server think: it is asked less often then.
  async watch() {
    this.#isWatching = true;
    while (this.#isWatching) {
      const begun = performance.now();
      await this.look();
      await wait(Math.max(SHORTEST_PAUSE_MS, 5 * (performance.now() - begun)));
    }
  }

  async stop() {
    this.#isWatching = false;
    await this.look();
  }

  #speakOfNew(fresh) {
    for (const { textContent } of fresh.querySelectorAll("[data-advice]")) {
      const well = textContent.split(":")[0];
      if (this.#spoken.has(well)) continue;
      this.#spoken.add(well);
      this.speak(textContent);
    }
  }
}
