// The picture, the part that is left out, and the outlines. Paths are built once in image px; a frame
// only strokes them. Thousands of them are stroked once at rest, and moved as one picture.

const SCALE = ["#d55e00", "#f0a85f", "#f7f3ea", "#6fb5e0", "#0072b2"];
const UNCLASSIFIED = "#ffffff";
const CASING = "rgb(16 24 32 / 60%)"; // keeps pale lines visible on a light background
const REJECTED = "#27323d";
const CHOSEN = "#ffd60a";
const HATCH_PX = 11;
const BLOCKS = 8; // paths are kept in blocks, and blocks out of view are not stroked
const CROWD = 300; // more cells than a slow computer can stroke in every frame

function styleOf(cell) {
  if (cell.verdict === "rejected") return cell.tags.has("corrected") ? "excluded" : "rejected";
  if (cell.p === null) return "unclassified";
  return `p${Math.min(SCALE.length - 1, Math.floor(cell.p * SCALE.length))}`;
}

function trace(path, { points }, step) {
  path.moveTo(points[0], points[1]);
  for (let k = 2 * step; k < points.length; k += 2 * step) path.lineTo(points[k], points[k + 1]);
  path.closePath();
}

// A cross through cells excluded by hand, a dot in those restored by hand: not told by colour alone.
function mark(path, cell) {
  const { row, column, reach } = cell;
  if (cell.verdict === "accepted") {
    path.moveTo(column + 3, row);
    path.arc(column, row, 3, 0, 2 * Math.PI);
    return;
  }
  const arm = reach * 0.5;
  path.moveTo(column - arm, row - arm);
  path.lineTo(column + arm, row + arm);
  path.moveTo(column - arm, row + arm);
  path.lineTo(column + arm, row - arm);
}

class Block {
  constructor() {
    this.box = { left: Infinity, top: Infinity, right: -Infinity, bottom: -Infinity };
    this.groups = new Map(); // style to { 1: fine path, 4: coarse path }
    this.marks = new Path2D();
    this.hasMarks = false;
  }

  add(cell) {
    const style = styleOf(cell);
    if (!this.groups.has(style)) this.groups.set(style, { 1: new Path2D(), 2: new Path2D(), 4: new Path2D() });
    const paths = this.groups.get(style);
    for (const step of [1, 2, 4]) trace(paths[step], cell, step);
    if (cell.tags.has("corrected")) {
      mark(this.marks, cell);
      this.hasMarks = true;
    }
    const { box } = this;
    box.left = Math.min(box.left, cell.column - cell.reach);
    box.right = Math.max(box.right, cell.column + cell.reach);
    box.top = Math.min(box.top, cell.row - cell.reach);
    box.bottom = Math.max(box.bottom, cell.row + cell.reach);
  }

  isSeen(camera) {
    const start = camera.toScreen(this.box.top, this.box.left);
    const end = camera.toScreen(this.box.bottom, this.box.right);
    return end.x > 0 && end.y > 0 && start.x < camera.view.width && start.y < camera.view.height;
  }
}

function blocksOf(cells, image) {
  const blocks = new Map();
  for (const cell of cells) {
    const place = (at, side) => Math.min(BLOCKS - 1, Math.max(0, Math.floor((BLOCKS * at) / side)));
    const key = place(cell.row, image.height) * BLOCKS + place(cell.column, image.width);
    if (!blocks.has(key)) blocks.set(key, new Block());
    blocks.get(key).add(cell);
  }
  return [...blocks.values()];
}

// Runs of squares that are left out, and the border between them and the rest, in image px.
function shapesOf(mask, image) {
  if (!mask) return null;
  const high = image.height / mask.rows;
  const wide = image.width / mask.columns;
  const area = new Path2D();
  const border = new Path2D();
  const isOut = (row, column) => !mask.isUsable(row, column);
  for (let row = 0; row < mask.rows; row += 1) {
    for (let column = 0; column < mask.columns; column += 1) {
      if (isOut(row, column)) area.rect(column * wide, row * high, wide + 0.5, high + 0.5);
      if (column > 0 && isOut(row, column) !== isOut(row, column - 1)) {
        border.moveTo(column * wide, row * high);
        border.lineTo(column * wide, (row + 1) * high);
      }
      if (row > 0 && isOut(row, column) !== isOut(row - 1, column)) {
        border.moveTo(column * wide, row * high);
        border.lineTo((column + 1) * wide, row * high);
      }
    }
  }
  return { area, border };
}

function hatchTile(ratio) {
  const side = Math.round(HATCH_PX * ratio);
  const tile = new OffscreenCanvas(side, side);
  const pen = tile.getContext("2d");
  const line = (colour, width) => {
    pen.strokeStyle = colour;
    pen.lineWidth = width * ratio;
    pen.beginPath();
    for (const shift of [-side, 0, side]) {
      pen.moveTo(shift - 2, side + 2);
      pen.lineTo(shift + side + 2, -2);
    }
    pen.stroke();
  };
  pen.fillStyle = "rgb(20 28 36 / 22%)";
  pen.fillRect(0, 0, side, side);
  line("rgb(255 255 255 / 65%)", 3);
  line("rgb(20 28 36 / 85%)", 1.25);
  return tile;
}

export class Painter {
  constructor(canvas, image) {
    this.canvas = canvas;
    this.image = image;
    this.pen = canvas.getContext("2d", { alpha: false });
    this.pictures = [];
    this.blocks = [];
    this.mask = null;
    this.layer = null;
    this.isCrowded = false;
  }

  // Pictures of one image at several widths; the smallest that is sharp enough is drawn.
  addPicture(bitmap) {
    this.pictures = [...this.pictures, bitmap].sort((a, b) => a.width - b.width);
  }

  setCells(cells) {
    this.blocks = blocksOf(cells, this.image);
    this.isCrowded = cells.length > CROWD;
    this.layer = null;
  }

  setMask(mask) {
    this.mask = shapesOf(mask, this.image);
  }

  resize(width, height, ratio) {
    this.ratio = ratio;
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    this.hatch = this.pen.createPattern(hatchTile(ratio), "repeat");
  }

  draw(camera, chosen, isMoving = false) {
    if (!this.ratio) return; // before the first size is known
    const { pen, canvas } = this;
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.fillStyle = "#c9cfd4";
    pen.fillRect(0, 0, canvas.width, canvas.height);
    const scale = camera.scale * this.ratio;
    pen.setTransform(scale, 0, 0, scale, camera.left * this.ratio, camera.top * this.ratio);
    this.unit = 1 / camera.scale; // one CSS px, in image px
    this.#drawPicture(scale);
    if (this.mask) this.#drawMask(scale);
    const seen = this.blocks.filter((block) => block.isSeen(camera));
    // Zoomed in beyond the picture's own px, few enough are in view to be stroked in every frame.
    if (this.isCrowded && scale <= 1) this.#drawLayer(camera, scale, isMoving);
    else this.#drawOutlines(seen, camera.scale);
    if (chosen) this.#drawChosen(chosen);
  }

  // While moving, the layer of the last rest is drawn larger or smaller; at rest it is made anew.
  #drawLayer(camera, scale, isMoving) {
    if (!this.layer || (!isMoving && this.layer.scale !== scale)) this.#makeLayer(camera, scale);
    this.pen.imageSmoothingEnabled = this.layer.scale !== scale;
    this.pen.drawImage(this.layer.canvas, 0, 0, this.image.width, this.image.height);
  }

  #makeLayer(camera, scale) {
    const { width, height } = this.image;
    const canvas = new OffscreenCanvas(Math.ceil(width * scale), Math.ceil(height * scale));
    const onScreen = this.pen;
    this.pen = canvas.getContext("2d");
    this.pen.scale(canvas.width / width, canvas.height / height);
    this.#drawOutlines(this.blocks, camera.scale);
    this.pen = onScreen;
    this.layer = { canvas, scale };
  }

  #drawPicture(scale) {
    const wanted = this.image.width * scale;
    const picture = this.pictures.find((one) => one.width >= wanted * 0.8) ?? this.pictures.at(-1);
    if (!picture) return;
    this.pen.imageSmoothingEnabled = scale < 4;
    this.pen.drawImage(picture, 0, 0, this.image.width, this.image.height);
  }

  #drawMask(scale) {
    const { pen } = this;
    this.hatch.setTransform(new DOMMatrix().scale(1 / scale));
    pen.fillStyle = this.hatch;
    pen.fill(this.mask.area);
    this.#stroke(this.mask.border, "#ffffff", 4);
    this.#stroke(this.mask.border, "#141c24", 2);
  }

  #drawOutlines(blocks, scale) {
    // Small outlines need few corners: 8 to about 12 px across, 16 to 40 px, else all 32.
    const step = scale < 0.35 ? 4 : scale < 1.2 ? 2 : 1;
    for (const block of blocks) {
      for (const [style, paths] of block.groups) this.#drawGroup(style, paths[step]);
    }
    for (const block of blocks.filter(({ hasMarks }) => hasMarks)) {
      this.#stroke(block.marks, "#ffffff", 3.5);
      this.#stroke(block.marks, "#141c24", 1.75);
    }
  }

  #drawGroup(style, path) {
    if (style === "rejected" || style === "excluded") {
      this.#stroke(path, REJECTED, 1.5, [3.5, 2.5]);
      return;
    }
    this.#stroke(path, CASING, 3.25);
    this.#stroke(path, style === "unclassified" ? UNCLASSIFIED : SCALE[Number(style[1])], 1.75);
  }

  // Outline and ring, also of a cell that the filter leaves out.
  #drawChosen(cell) {
    const own = new Block();
    own.add(cell);
    this.#drawOutlines([own], Infinity);
    const ring = new Path2D();
    const radius = Math.max(cell.reach + 6 * this.unit, 15 * this.unit);
    ring.arc(cell.column, cell.row, radius, 0, 2 * Math.PI);
    this.#stroke(ring, "#000000", 6);
    this.#stroke(ring, CHOSEN, 3);
  }

  #stroke(path, colour, width, dash = []) {
    this.pen.setLineDash(dash.map((length) => length * this.unit));
    this.pen.lineWidth = width * this.unit;
    this.pen.strokeStyle = colour;
    this.pen.stroke(path);
  }
}
