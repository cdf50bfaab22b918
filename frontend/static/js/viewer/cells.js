// The outlines as the server packs them, turned into cells; which cell lies where.

const ANGLES = 32;
const RADIUS_UNIT_PX = 0.25;
const REACH_PX = 12; // a click this near to an outline still means the cell
const COS = Float64Array.from({ length: ANGLES }, (_, k) => Math.cos((2 * Math.PI * k) / ANGLES));
const SIN = Float64Array.from({ length: ANGLES }, (_, k) => Math.sin((2 * Math.PI * k) / ANGLES));

const bytesOf = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));

function corners(row, column, radii) {
  const points = new Float64Array(2 * ANGLES);
  for (let k = 0; k < ANGLES; k += 1) {
    const radius = radii[k] * RADIUS_UNIT_PX;
    points[2 * k] = column + radius * COS[k];
    points[2 * k + 1] = row + radius * SIN[k];
  }
  return points;
}

function unpackMask(packed) {
  if (!packed) return null;
  const bytes = bytesOf(packed.bits);
  const isUsable = (row, column) => {
    const bit = row * packed.columns + column;
    return ((bytes[bit >> 3] >> (7 - (bit & 7))) & 1) === 1;
  };
  return { rows: packed.rows, columns: packed.columns, isUsable };
}

export function unpack(packed) {
  const radii = bytesOf(packed.radii);
  const cells = packed.ids.map((id, n) => {
    const [row, column] = [packed.rows[n], packed.columns[n]];
    const ofCell = radii.subarray(n * ANGLES, (n + 1) * ANGLES);
    return {
      id,
      number: n + 1,
      row,
      column,
      reach: Math.max(...ofCell) * RADIUS_UNIT_PX,
      points: corners(row, column, ofCell),
      p: packed.p_deformable[n],
      verdict: packed.verdicts[n],
      tags: new Set(packed.tags[n]), // what the filters go by; "corrected" among them
    };
  });
  return { cells, mask: unpackMask(packed.mask) };
}

export const matches = (cell, filter) => filter === "all" || cell.tags.has(filter);

// The cell under a place of the image, or the nearest within reach of a finger.
export function cellAt(cells, { row, column }) {
  let best = null;
  let least = REACH_PX;
  for (const cell of cells) {
    const outside = Math.hypot(cell.row - row, cell.column - column) - cell.reach;
    if (outside < least) [best, least] = [cell, outside];
  }
  return best;
}
