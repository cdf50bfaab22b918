// Where files wait before they are sent: closed by the pause button, opened again by the same.

export class Gate {
  #waiting = [];
  isOpen = true;

  close() {
    this.isOpen = false;
  }

  open() {
    this.isOpen = true;
    for (const go of this.#waiting.splice(0)) go();
  }

  passed() {
    return this.isOpen ? Promise.resolve() : new Promise((go) => this.#waiting.push(go));
  }
}
