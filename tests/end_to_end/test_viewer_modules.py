"""The viewer's parts, run in the browser that will run them."""

from typing import Any

import pytest
from playwright.sync_api import Page

from app.dashboard.contexts.outlines import packed_outlines
from tests.end_to_end.drawn_images import SIDE_PX, drawn_cells, drawn_image, ident

pytestmark = pytest.mark.browser

WITH_CAMERA = """async (steps) => {
  const { Camera } = await import("/static/js/viewer/camera.js");
  const camera = new Camera(2424, 2424);
  camera.resize(700, 600);
  const seen = [];
  for (const [name, ...values] of steps) {
    const before = camera.toImage(values[1] ?? 0, values[2] ?? 0);
    camera[name](...values);
    const after = camera.toImage(values[1] ?? 0, values[2] ?? 0);
    seen.push({ before, after, scale: camera.scale, isFit: camera.isFit,
      start: camera.toScreen(0, 0), end: camera.toScreen(2424, 2424) });
  }
  return seen;
}"""


@pytest.fixture
def module(page: Page, preview_url: str) -> Page:
    page.goto(f"{preview_url}/try-it")
    return page


def camera_after(module: Page, *steps: list[Any]) -> list[dict[str, Any]]:
    seen: list[dict[str, Any]] = module.evaluate(WITH_CAMERA, list(steps))
    return seen


def unpacked(module: Page, script: str, count: int = 40) -> Any:  # noqa: ANN401  what a script gives
    packed = packed_outlines(drawn_image(), drawn_cells(count))
    start = 'const { unpack, cellAt, matches } = await import("/static/js/viewer/cells.js");'
    return module.evaluate(f"async (packed) => {{ {start} {script} }}", packed)


def test_zooming_keeps_the_place_under_the_pointer(module: Page) -> None:
    (_, step) = camera_after(module, ["zoomAt", 4, 350, 300], ["zoomAt", 1.5, 420, 260])
    assert step["after"]["row"] == pytest.approx(step["before"]["row"])
    assert step["after"]["column"] == pytest.approx(step["before"]["column"])


def test_the_picture_never_leaves_the_view(module: Page) -> None:
    steps = [["zoomAt", 5, 10, 10], ["panBy", 9000, 9000], ["panBy", -9000, -20000]]
    for step in camera_after(module, *steps):
        assert step["start"]["x"] <= 0
        assert step["start"]["y"] <= 0
        assert step["end"]["x"] >= 700
        assert step["end"]["y"] >= 600


def test_zooming_out_ends_at_the_whole_picture(module: Page) -> None:
    (_, last) = camera_after(module, ["zoomAt", 3, 50, 50], ["zoomAt", 0.001, 50, 50])
    assert last["isFit"]
    assert last["scale"] == pytest.approx(600 / SIDE_PX)
    assert last["start"] == pytest.approx({"x": 50, "y": 0})


def test_unpacked_outlines_are_those_of_the_service(module: Page) -> None:
    points = unpacked(module, "return unpack(packed).cells.map(({ points }) => [...points]);")
    for corners, cell in zip(points, drawn_cells(40), strict=True):
        flat = [value for row, column in cell.outline for value in (column, row)]
        assert corners == pytest.approx(flat, abs=0.15)


def test_the_unpacked_mask_is_the_images(module: Page) -> None:
    script = """const { mask } = unpack(packed);
      return Array.from({ length: mask.rows }, (_, row) => Array.from({ length: mask.columns },
        (_, column) => (mask.isUsable(row, column) ? "1" : "0")).join(""));"""
    assert tuple(unpacked(module, script)) == drawn_image().usable_mask


def test_a_place_names_the_cell_on_it_or_none(module: Page) -> None:
    cell = drawn_cells(40)[17]
    script = f"""const {{ cells }} = unpack(packed);
      const at = (row, column) => cellAt(cells, {{ row, column }})?.id ?? null;
      return [at({cell.row + 9}, {cell.column - 6}), at({cell.row + 80}, {cell.column + 80})];"""
    assert unpacked(module, script) == [str(cell.id), None]


PINCH = """() => {
  const stage = document.querySelector("[data-stage]");
  const box = stage.getBoundingClientRect();
  stage.setPointerCapture = () => {}; // these fingers are not real ones
  const touch = (name, pointerId, x, y) => stage.dispatchEvent(new PointerEvent(name, {
    pointerId, button: 0, clientX: box.left + x, clientY: box.top + y, bubbles: true }));
  touch("pointerdown", 1, 200, 300);
  touch("pointerdown", 2, 300, 300);
  for (let step = 1; step <= 10; step += 1) touch("pointermove", 2, 300 + 20 * step, 300);
  touch("pointerup", 2, 500, 300);
  touch("pointerup", 1, 200, 300);
}"""


def test_two_fingers_zoom_and_choose_no_cell(page: Page, preview_url: str) -> None:
    page.goto(f"{preview_url}/images/{ident(400)}")
    page.wait_for_selector("[data-drawn='400']")
    page.evaluate(PINCH)
    page.wait_for_selector("[data-stage].zoomed")
    assert page.locator("#cell-head").inner_text() == "No cell chosen"


def test_a_click_on_a_cell_chooses_it(page: Page, preview_url: str) -> None:
    page.goto(f"{preview_url}/images/{ident(400)}")
    page.wait_for_selector("[data-drawn='400']")
    box = page.locator("[data-stage]").bounding_box()
    assert box is not None
    cell = drawn_cells(400)[200]
    scale = min(box["width"], box["height"]) / SIDE_PX
    left = (box["width"] - SIDE_PX * scale) / 2
    place = {"x": left + cell.column * scale, "y": cell.row * scale}
    page.locator("[data-stage]").click(position={"x": place["x"], "y": place["y"]})
    page.locator("#cell-head:has-text('Cell 201')").wait_for()
