// Which cell has the focus and which are chosen, by keyboard and by mouse, as in any list of options.

const STEPS = { ArrowLeft: -1, ArrowRight: 1 };

export class Choosing {
  #list;
  #anchor = 0;

  constructor(list) {
    this.#list = list;
    list.addEventListener("click", (event) => this.#clicked(event));
  }

  get tiles() {
    return [...this.#list.children];
  }

  get focused() {
    return this.tiles.find(({ tabIndex }) => tabIndex === 0);
  }

  // What an action is about: the chosen cells, else the one that has the focus.
  get meant() {
    const chosen = this.tiles.filter(({ ariaSelected }) => ariaSelected === "true");
    return chosen.length > 0 ? chosen : [this.focused];
  }

  get hasChosen() {
    return this.tiles.some(({ ariaSelected }) => ariaSelected === "true");
  }

  chooseAll(isChosen) {
    for (const tile of this.tiles) tile.ariaSelected = String(isChosen);
  }

  focusAt(place) {
    const { tiles } = this;
    const tile = tiles[Math.min(Math.max(place, 0), tiles.length - 1)];
    this.focused.tabIndex = -1;
    tile.tabIndex = 0;
    tile.focus();
  }

  // The cell after the last of these, so that review goes on by itself.
  goOnAfter(done) {
    this.focusAt(this.tiles.indexOf(done.at(-1)) + 1);
  }

  // Whether the key was one for moving or choosing.
  pressed(event) {
    const place = this.tiles.indexOf(this.focused);
    if (event.key === " ") this.#toggle(place);
    else if (event.key === "Home") this.#move(0, event.shiftKey);
    else if (event.key === "End") this.#move(this.tiles.length - 1, event.shiftKey);
    else if (event.key in STEPS) this.#move(place + STEPS[event.key], event.shiftKey);
    else if (event.key === "ArrowDown") this.#move(place + this.#perRow(), event.shiftKey);
    else if (event.key === "ArrowUp") this.#move(place - this.#perRow(), event.shiftKey);
    else return false;
    return true;
  }

  #perRow() {
    const { tiles } = this;
    const below = tiles.findIndex(({ offsetTop }) => offsetTop > tiles[0].offsetTop);
    return below < 0 ? tiles.length : below;
  }

  #move(place, isExtending) {
    if (place < 0 || place >= this.tiles.length) return;
    if (isExtending) this.#chooseUpTo(place);
    else this.#anchor = place;
    this.focusAt(place);
  }

  #chooseUpTo(place) {
    const [first, last] = [this.#anchor, place].sort((a, b) => a - b);
    this.tiles.forEach((tile, n) => {
      tile.ariaSelected = String(n >= first && n <= last);
    });
  }

  #toggle(place) {
    const tile = this.tiles[place];
    tile.ariaSelected = String(tile.ariaSelected !== "true");
    this.#anchor = place;
  }

  #clicked(event) {
    const place = this.tiles.indexOf(event.target.closest("[data-cell]"));
    if (place < 0) return;
    if (event.shiftKey) this.#chooseUpTo(place);
    else this.#toggle(place);
    this.focusAt(place);
  }
}
