// The crops of the cells on this page: one picture from the server, cut onto the canvas of each.

const COLUMNS = 20;
const SIDE_PX = 60;

async function fetchSheet(path, ids) {
  const response = await fetch(`/api/v1${path}`, {
    method: "POST",
    credentials: "same-origin",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ cell_ids: ids }),
  });
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  return createImageBitmap(await response.blob());
}

export async function drawCrops(list) {
  const tiles = [...list.children];
  const sheet = await fetchSheet(list.dataset.sheets, tiles.map((tile) => tile.dataset.cell));
  tiles.forEach((tile, n) => {
    const [column, row] = [n % COLUMNS, Math.floor(n / COLUMNS)];
    const brush = tile.querySelector("canvas").getContext("2d");
    brush.drawImage(sheet, column * SIDE_PX, row * SIDE_PX, SIDE_PX, SIDE_PX, 0, 0, SIDE_PX, SIDE_PX);
  });
  list.dataset.drawn = String(tiles.length);
}
