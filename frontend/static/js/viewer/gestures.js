// Mouse, pen, finger and keys to movements of the camera. A press without movement is a click.

const CLICK_PX = 4;
const WHEEL_STEP = 0.0016;
const LINE_PX = 16; // a wheel that counts lines instead of px
const KEY_PAN_PX = 70;
const KEY_ZOOM = 1.35;

const PANS = {
  ArrowLeft: [KEY_PAN_PX, 0],
  ArrowRight: [-KEY_PAN_PX, 0],
  ArrowUp: [0, KEY_PAN_PX],
  ArrowDown: [0, -KEY_PAN_PX],
};

export class Gestures {
  #fingers = new Map();
  #travelled = 0;

  constructor(stage, camera, { changed, clicked, anchor }) {
    this.stage = stage;
    this.camera = camera;
    this.changed = changed;
    this.clicked = clicked;
    this.anchor = anchor;
    stage.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    stage.addEventListener("pointerdown", (event) => this.#down(event));
    stage.addEventListener("pointermove", (event) => this.#move(event));
    stage.addEventListener("pointerup", (event) => this.#up(event));
    stage.addEventListener("pointercancel", (event) => this.#fingers.delete(event.pointerId));
    stage.addEventListener("keydown", (event) => this.#key(event));
    stage.addEventListener("dblclick", (event) => this.#zoom(2, this.#place(event)));
  }

  // Buttons and keys point nowhere: they zoom about what is looked at.
  zoomMiddle(factor) {
    const { width, height } = this.camera.view;
    this.#zoom(factor, this.anchor() ?? { x: width / 2, y: height / 2 });
  }

  #zoom(factor, { x, y }) {
    this.camera.zoomAt(factor, x, y);
    this.changed();
  }

  #place(event) {
    const box = this.stage.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  #wheel(event) {
    // Zoomed out as far as it goes, the wheel scrolls the page as anywhere else.
    if (event.deltaY > 0 && this.camera.isFit) return;
    event.preventDefault();
    const pixels = event.deltaY * (event.deltaMode === WheelEvent.DOM_DELTA_LINE ? LINE_PX : 1);
    this.#zoom(Math.exp(-pixels * WHEEL_STEP), this.#place(event));
  }

  #down(event) {
    if (event.button !== 0) return;
    if (this.#fingers.size === 0) this.#travelled = 0;
    this.#fingers.set(event.pointerId, this.#place(event));
    this.stage.setPointerCapture(event.pointerId);
  }

  #move(event) {
    const before = this.#fingers.get(event.pointerId);
    if (!before) return;
    const now = this.#place(event);
    this.#travelled += Math.hypot(now.x - before.x, now.y - before.y);
    if (this.#fingers.size === 2) this.#pinch(event.pointerId, before, now);
    else if (this.#travelled > CLICK_PX) this.camera.panBy(now.x - before.x, now.y - before.y);
    this.#fingers.set(event.pointerId, now);
    this.changed();
  }

  #pinch(id, before, now) {
    const [other] = [...this.#fingers].filter(([finger]) => finger !== id).map(([, place]) => place);
    const distance = (place) => Math.max(Math.hypot(place.x - other.x, place.y - other.y), 1);
    this.camera.panBy((now.x - before.x) / 2, (now.y - before.y) / 2);
    this.camera.zoomAt(distance(now) / distance(before), (now.x + other.x) / 2, (now.y + other.y) / 2);
  }

  #up(event) {
    const isClick = this.#fingers.size === 1 && this.#travelled <= CLICK_PX;
    if (this.#fingers.delete(event.pointerId) && isClick) this.clicked(this.#place(event));
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in PANS && !this.camera.isFit) this.camera.panBy(...PANS[event.key]);
    else if (event.key === "+" || event.key === "=") this.zoomMiddle(KEY_ZOOM);
    else if (event.key === "-") this.zoomMiddle(1 / KEY_ZOOM);
    else if (event.key === "0") this.camera.fit();
    else return;
    event.preventDefault();
    this.changed();
  }
}
