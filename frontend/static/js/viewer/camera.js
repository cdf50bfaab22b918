// Where the viewer looks: screen px = image px × scale + corner. The image never leaves the view.

const MOST_PX_PER_PX = 10;
const ENLARGED_PX = 150; // image px across the view: a cell is about 35

const within = (value, low, high) => Math.min(Math.max(value, low), high);

export class Camera {
  constructor(imageWidth, imageHeight) {
    this.image = { width: imageWidth, height: imageHeight };
    this.view = { width: 1, height: 1 };
    this.scale = 0;
    this.left = 0;
    this.top = 0;
  }

  get fitScale() {
    return Math.min(this.view.width / this.image.width, this.view.height / this.image.height);
  }

  get isFit() {
    return this.scale <= this.fitScale * 1.001;
  }

  resize(width, height) {
    const wasFit = this.scale === 0 || this.isFit;
    const middle = this.toImage(this.view.width / 2, this.view.height / 2);
    this.view = { width, height };
    if (wasFit) this.fit();
    else this.centre(middle.row, middle.column);
  }

  fit() {
    this.scale = this.fitScale;
    this.#settle();
  }

  zoomAt(factor, x, y) {
    const scale = within(this.scale * factor, this.fitScale, MOST_PX_PER_PX);
    const ratio = scale / this.scale;
    this.left = x - (x - this.left) * ratio;
    this.top = y - (y - this.top) * ratio;
    this.scale = scale;
    this.#settle();
  }

  panBy(right, down) {
    this.left += right;
    this.top += down;
    this.#settle();
  }

  // So near that a cell fills a good part of the view.
  enlarge(row, column) {
    this.scale = within(Math.min(this.view.width, this.view.height) / ENLARGED_PX, this.fitScale, MOST_PX_PER_PX);
    this.centre(row, column);
  }

  centre(row, column) {
    this.left = this.view.width / 2 - column * this.scale;
    this.top = this.view.height / 2 - row * this.scale;
    this.#settle();
  }

  isSeen(row, column) {
    const { x, y } = this.toScreen(row, column);
    return x > 0 && y > 0 && x < this.view.width && y < this.view.height;
  }

  // A place near the border or outside comes to the middle; anything else stays where it is.
  reveal(row, column) {
    const { x, y } = this.toScreen(row, column);
    const isWell = (at, side) => at > side * 0.06 && at < side * 0.94;
    if (!isWell(x, this.view.width) || !isWell(y, this.view.height)) this.centre(row, column);
  }

  toImage(x, y) {
    return { row: (y - this.top) / this.scale, column: (x - this.left) / this.scale };
  }

  toScreen(row, column) {
    return { x: column * this.scale + this.left, y: row * this.scale + this.top };
  }

  #settle() {
    this.left = this.#side(this.left, this.view.width, this.image.width);
    this.top = this.#side(this.top, this.view.height, this.image.height);
  }

  #side(corner, view, image) {
    const room = view - image * this.scale;
    return room > 0 ? room / 2 : within(corner, room, 0);
  }
}
