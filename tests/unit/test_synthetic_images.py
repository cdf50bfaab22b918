import numpy as np
import pytest
from numpy.typing import NDArray

from app.domain.quality import Verdict
from app.domain.synthetic.cells import MARGIN_PX
from app.domain.synthetic.crops import draw_crops
from app.domain.synthetic.donors import Donor, WellLook, draw_donor, draw_well_look
from app.domain.synthetic.faults import REASONS, Fault
from app.domain.synthetic.images import TrueCell, TrueCellVerdict, TrueImage, draw_image

SIDE_PX = 900


@pytest.fixture(scope="module")
def donor() -> Donor:
    return draw_donor("D1", 11)


@pytest.fixture(scope="module")
def well(donor: Donor) -> WellLook:
    return draw_well_look(donor, outlet=None, well=1)


def drawn(
    donor: Donor, well: WellLook, *, number: int = 1, fault: Fault | None = None, n_cells: int = 40
) -> TrueImage:
    return draw_image(
        donor,
        well,
        outlet=None,
        number=number,
        seed=4,
        fault=fault,
        height=SIDE_PX,
        width=SIDE_PX,
        n_cells=n_cells,
    )


@pytest.fixture(scope="module")
def images(donor: Donor, well: WellLook) -> list[TrueImage]:
    return [drawn(donor, well, number=number) for number in range(1, 7)]


def inside_ellipse(cell: TrueCell, scale: float) -> NDArray[np.bool_]:
    rows, columns = np.mgrid[:SIDE_PX, :SIDE_PX]
    d_row, d_column = rows - cell.row, columns - cell.column
    cosine, sine = np.cos(cell.angle_radians), np.sin(cell.angle_radians)
    along = (d_column * cosine + d_row * sine) / cell.semi_major_px
    across = (d_row * cosine - d_column * sine) / cell.semi_minor_px
    return np.asarray(np.hypot(along, across) < scale)


def complete(images: list[TrueImage]) -> list[tuple[TrueImage, TrueCell]]:
    return [
        (image, cell)
        for image in images
        for cell in image.cells
        if cell.verdict is TrueCellVerdict.COMPLETE and cell.clearance_px > 15
    ]


def test_the_same_key_draws_the_same_image_whatever_was_drawn_before(
    donor: Donor, well: WellLook
) -> None:
    first = drawn(donor, well, number=1)
    drawn(donor, well, number=2)
    again = drawn(donor, well, number=1)
    assert np.array_equal(first.pixels, again.pixels)
    assert [c.row for c in first.cells] == [c.row for c in again.cells]


def test_images_of_a_well_differ(images: list[TrueImage]) -> None:
    assert len({image.pixels.tobytes() for image in images}) == len(images)


def test_mean_grey_lies_where_the_published_images_lie() -> None:
    means = []
    for k in range(12):
        donor = draw_donor(f"D{k}", 2)
        well = draw_well_look(donor, outlet=3, well=1)
        image = draw_image(donor, well, outlet=3, number=1, seed=1, height=606, width=606)
        means.append(image.pixels.mean())
    assert min(means) > 165
    assert max(means) < 212
    assert np.ptp(means) > 8


def test_inside_each_outline_it_is_darker_than_around(images: list[TrueImage]) -> None:
    cells = complete(images)
    assert len(cells) > 80
    contrasts = []
    for image, cell in cells:
        around = inside_ellipse(cell, 2.2) & ~inside_ellipse(cell, 1.5)
        contrasts.append(
            float(np.median(image.pixels[around]))
            - float(image.pixels[inside_ellipse(cell, 0.9)].mean())
        )
    assert np.quantile(contrasts, 0.05) > 8
    assert np.median(contrasts) > 30


def test_the_steepest_greys_around_a_cell_lie_at_its_outline(images: list[TrueImage]) -> None:
    at_outline, beyond = [], []
    for image, cell in complete(images)[:60]:
        steepness = np.hypot(*np.gradient(image.pixels.astype(float)))
        at_outline.append(steepness[inside_ellipse(cell, 1.1) & ~inside_ellipse(cell, 0.8)].mean())
        beyond.append(steepness[inside_ellipse(cell, 1.9) & ~inside_ellipse(cell, 1.5)].mean())
    assert np.median(at_outline) > 2.5 * np.median(beyond)


def test_bodies_measure_about_34_px(images: list[TrueImage]) -> None:
    diameters = [cell.diameter_px for image in images for cell in image.cells]
    assert 31 < np.median(diameters) < 37


def test_an_outline_surrounds_its_centre_at_its_size(images: list[TrueImage]) -> None:
    for _, cell in complete(images):
        assert cell.outline.mean(axis=0) == pytest.approx((cell.row, cell.column), abs=0.5)
        reach = np.hypot(*(cell.outline - (cell.row, cell.column)).T)
        assert reach.max() == pytest.approx(cell.semi_major_px, rel=0.08)
        assert reach.min() == pytest.approx(cell.semi_minor_px, rel=0.08)


def test_a_cell_cut_by_the_edge_is_called_partial(images: list[TrueImage]) -> None:
    for image in images:
        for cell in image.cells:
            beyond = cell.outline.min() < 0 or cell.outline.max() > SIDE_PX - 1
            assert (cell.verdict is TrueCellVerdict.PARTIAL) == beyond


def test_touching_cells_have_a_partner_that_touches(images: list[TrueImage]) -> None:
    touching = [c for i in images for c in i.cells if c.verdict is TrueCellVerdict.TOUCHING]
    assert touching
    assert all(cell.clearance_px < 2 for cell in touching)


def test_a_crowded_image_holds_hundreds_of_cells_and_a_sparse_one_dozens(
    donor: Donor, well: WellLook
) -> None:
    counts = [
        len(draw_image(donor, well, outlet=None, number=n, seed=1, n_cells=n_cells).cells)
        for n, n_cells in ((1, 340), (2, 40))
    ]
    assert 300 < counts[0] <= 340
    assert 36 <= counts[1] <= 40


@pytest.mark.parametrize("fault", list(REASONS))
def test_a_spoilt_image_says_so(fault: Fault, donor: Donor, well: WellLook) -> None:
    image = drawn(donor, well, fault=fault)
    assert image.verdict is (Verdict.PARTLY if fault == "wall" else Verdict.REJECTED)
    assert image.reasons == (REASONS[fault],)


def test_blur_flattens_what_was_steep(donor: Donor, well: WellLook) -> None:
    sharp, blurred = (
        np.hypot(*np.gradient(drawn(donor, well, fault=fault).pixels.astype(float)))
        for fault in (None, "blur")
    )
    assert np.quantile(blurred, 0.99) < 0.5 * np.quantile(sharp, 0.99)


def test_exposure_faults_leave_the_usual_range(donor: Donor, well: WellLook) -> None:
    assert drawn(donor, well, fault="too_dark").pixels.mean() < 70
    assert np.mean(drawn(donor, well, fault="too_bright").pixels == 255) > 0.5


def test_nothing_lies_outside_the_well(donor: Donor, well: WellLook) -> None:
    assert drawn(donor, well, fault="outside_well").cells == ()
    assert drawn(donor, well, fault="empty").cells == ()


def test_a_wall_hides_part_of_the_field_and_no_cell_lies_behind_it(
    donor: Donor, well: WellLook
) -> None:
    image = drawn(donor, well, fault="wall")
    hidden = image.pixels < 160
    assert 0.1 < hidden.mean() < 0.6
    assert image.cells
    for cell in image.cells_inside:
        patch = image.pixels[
            max(int(cell.row) - 25, 0) : int(cell.row) + 25,
            max(int(cell.column) - 25, 0) : int(cell.column) + 25,
        ]
        assert np.quantile(patch, 0.75) > 140


def test_shading_turns_with_the_place_in_the_well(donor: Donor, well: WellLook) -> None:
    directions = []
    for number in range(1, 9):
        image = drawn(donor, well, number=number)
        for _, cell in complete([image])[:5]:
            row, column = int(cell.row), int(cell.column)
            patch = image.pixels[row - 15 : row + 16, column - 15 : column + 16].astype(float)
            offsets = np.arange(-15, 16)
            tilt = patch - patch.mean()
            directions.append(
                np.arctan2((tilt.sum(axis=1) * offsets).sum(), (tilt.sum(axis=0) * offsets).sum())
            )
    spread = np.abs(np.exp(1j * np.array(directions)).mean())
    assert spread < 0.8


def test_a_crop_holds_the_cell_asked_for_in_its_middle(donor: Donor, well: WellLook) -> None:
    outlets = [2, 3, 4, 5] * 25
    crops, truth = draw_crops(donor, well, outlets, seed=1)
    assert crops.shape == (100, 60, 60)
    assert crops.dtype == np.uint8
    assert truth.outlets.tolist() == outlets
    middle = crops[:, 22:38, 22:38].mean(axis=(1, 2))
    rim = np.median(crops[:, :4].reshape(100, -1), axis=1)
    assert np.mean(middle < rim - 10) > 0.9


def test_crops_repeat_by_seed(donor: Donor, well: WellLook) -> None:
    first, _ = draw_crops(donor, well, [3, 4], seed=1)
    again, _ = draw_crops(donor, well, [3, 4], seed=1)
    other, _ = draw_crops(donor, well, [3, 4], seed=2)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_margin_holds_every_tile_painted_on_it() -> None:
    assert MARGIN_PX >= 64 + 14
