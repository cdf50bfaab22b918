"""What the imaging benchmark counts, on fields small enough to count by hand."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from app.domain.imaging import ImageInspection
from app.domain.quality import Finding, Level, Verdict
from bench.imaging import baselines
from bench.imaging.campaign import METHODS, PLIANT, PUBLISHED, QUICK, MethodFigures, run
from bench.imaging.detection import LookFigures, compare_all
from bench.imaging.drawn import LOOKS, draw_look
from bench.imaging.fields import Found, Points, TrueField
from bench.imaging.figure_one import MarkFigures
from bench.imaging.matching import compare, measure_overlap, pair
from bench.imaging.page import BEGIN, END, PAGE, insert, render
from bench.imaging.shares import bootstrap, wilson
from bench.imaging.spoilt import PlantedImage
from bench.imaging.verdicts import is_caught

ANGLES = np.linspace(0, 2 * np.pi, 64, endpoint=False)


def circle(row: float, column: float, radius: float = 17.0) -> NDArray[np.float64]:
    return np.stack([row + radius * np.sin(ANGLES), column + radius * np.cos(ANGLES)], axis=1)


def field_of(centres: list[tuple[float, float]], **other: NDArray[np.bool_] | Points) -> TrueField:
    """A field of circles of 17 px, far apart unless told otherwise."""
    count = len(centres)
    field = TrueField(
        look="counted",
        pixels=np.zeros((400, 400), np.uint8),
        um_per_px=0.1825,
        centres=np.array(centres, np.float64).reshape(-1, 2),
        outlines=tuple(circle(*centre) for centre in centres),
        clearance_px=np.full(count, np.inf),
        is_partial=np.zeros(count, bool),
        is_blurred=np.zeros(count, bool),
        debris=np.empty((0, 3)),
    )
    return replace(field, **other)  # type: ignore[arg-type]  # names are checked by replace


def found_at(*centres: tuple[float, float]) -> Found:
    return Found(
        centres=np.array(centres, np.float64).reshape(-1, 2),
        outlines=tuple(circle(*centre) for centre in centres),
        is_accepted=np.ones(len(centres), bool),
    )


def test_the_nearest_pairs_are_made_first_and_nothing_is_used_twice() -> None:
    pairs = pair(np.array([[0.0, 0], [0, 3]]), np.array([[0.0, 2], [0, 2.5]]), largest_px=4)
    assert sorted(map(tuple, pairs.tolist())) == [(0, 0), (1, 1)]


def test_a_cell_found_twice_or_off_its_centre_is_a_false_one() -> None:
    field = field_of([(100, 100), (300, 300)])
    counts = compare(field, found_at((101, 100), (103, 100), (305, 300))).isolated
    assert (counts.n_true, counts.n_hit, counts.n_false) == (2, 1, 2)
    assert counts.recall == 0.5
    assert counts.f1 == pytest.approx(2 / 5)


def test_what_lies_on_debris_or_on_a_cut_or_blurred_cell_counts_neither_way() -> None:
    field = field_of(
        [(100, 100), (0, 50), (300, 300)],
        is_partial=np.array([False, True, False]),
        is_blurred=np.array([False, False, True]),
        debris=np.array([[200.0, 200.0, 9.0]]),
    )
    seen = compare(field, found_at((100, 100), (0, 50), (303, 300), (205, 200)))
    assert (seen.complete.n_true, seen.complete.n_hit, seen.complete.n_false) == (1, 1, 0)
    assert seen.n_accepted == 4
    assert (seen.n_bad, seen.n_overlapping) == (3, 0)


def test_touching_cells_count_among_all_and_not_among_the_isolated() -> None:
    field = field_of([(100, 100), (100, 135)], clearance_px=np.array([1.0, 1.0]))
    seen = compare(field, found_at((100, 100), (100, 135)))
    assert seen.isolated.n_true == 0
    assert seen.complete.n_hit == 2
    assert (seen.n_bad, seen.n_touching) == (0, 2)
    overlapping = replace(field, clearance_px=np.array([-3.0, -3.0]))
    seen = compare(overlapping, found_at((100, 100), (100, 135)))
    assert (seen.n_bad, seen.n_overlapping, seen.n_touching) == (2, 2, 0)


def test_a_good_cell_that_is_found_and_refused_is_removed_wrongly() -> None:
    field = field_of([(100, 100), (300, 300), (20, 200)])
    found = replace(
        found_at((100, 100), (300, 300), (20, 200)), is_accepted=np.array([True, False, False])
    )
    seen = compare(field, found)
    assert (seen.n_good, seen.n_removed) == (2, 1), "the crop of the third leaves the image"


def test_where_pixels_are_larger_the_tolerance_has_fewer_of_them() -> None:
    coarse = replace(field_of([(100, 100)]), um_per_px=0.365)
    assert compare(coarse, found_at((101.9, 100))).isolated.n_hit == 1
    assert compare(coarse, found_at((102.1, 100))).isolated.n_hit == 0


def test_overlap_of_outlines_is_area_over_area() -> None:
    assert measure_overlap(circle(50, 50), circle(50, 50)) == 1.0
    assert measure_overlap(circle(50, 50), circle(50, 150)) == 0.0
    assert measure_overlap(circle(50, 50, 20), circle(50, 50, 10)) == pytest.approx(0.25, abs=0.01)


def test_the_wilson_interval_is_that_of_the_textbook() -> None:
    share = wilson(81, 263)  # Newcombe, Stat Med 17 (1998) 857, table I
    assert (round(share.low, 4), round(share.high, 4)) == (0.2553, 0.3662)
    assert wilson(0, 20).low == 0


def test_the_bootstrap_draws_images_and_repeats_itself() -> None:
    def mean(numbers: object) -> float:
        return float(np.mean(np.asarray(numbers)))

    share = bootstrap([0.0, 1.0] * 50, mean)
    assert share.value == 0.5
    assert share.low == pytest.approx(0.4, abs=0.03)
    assert share == bootstrap([0.0, 1.0] * 50, mean)


@pytest.mark.parametrize(
    ("name", "least"), [(PUBLISHED, 0.25), ("Hough circles after CLAHE", 0.5),
                        ("scikit-image watershed", 0.8)]
)  # fmt: skip
def test_the_other_methods_do_find_cells_of_the_published_look(name: str, least: float) -> None:
    figures = LookFigures.of(compare_all(METHODS[name], draw_look("published", 2)))
    assert figures.f1.value > least


def test_another_pixel_size_gives_places_in_the_image_as_it_came() -> None:
    found = baselines.at_usual_size(lambda grey: found_at((grey.shape[0] / 2 - 0.5, 9.5)))(
        np.zeros((100, 80), np.uint8), um_per_px=0.365
    )
    assert found.centres.tolist() == [[49.5, 4.5]]
    assert found.outlines is not None
    assert np.ptp(found.outlines[0][:, 0]) == pytest.approx(17)


def test_a_planted_fault_is_caught_by_its_own_reason_and_no_milder_verdict() -> None:
    planted = PlantedImage(fault="any", pixels=np.zeros((1, 1), np.uint8), reason="out_of_focus")
    finding = Finding("out_of_focus", Level.REJECT, 1.0, 2.0, "Refocus.")
    image = ImageInspection(Verdict.REJECTED, (finding,), None, 0.0, 0.0, 0.0)
    assert is_caught(planted, image)
    assert not is_caught(planted, replace(image, verdict=Verdict.PARTLY))
    assert not is_caught(replace(planted, reason="empty"), image)


def test_figures_kept_of_an_earlier_method_are_read_back_as_they_were() -> None:
    figures = LookFigures.of(compare_all(METHODS[PLIANT], draw_look("shaded", 1)))
    marks = MarkFigures(n_cells=9, recall=wilson(8, 9), precision=wilson(8, 10), n_on_negatives=1)
    kept = MethodFigures(looks={"shaded": figures}, figure_one=marks)
    assert MethodFigures.from_json(kept.to_json()) == kept


def test_the_page_keeps_what_stands_around_the_tables() -> None:
    page = f"before\n{BEGIN}\nold\n{END}\nafter"
    assert insert(page, "new") == f"before\n{BEGIN}\n\nnew\n\n{END}\nafter"
    with pytest.raises(ValueError, match="marks"):
        insert("no marks", "new")
    assert insert(PAGE.read_text(encoding="utf-8"), "") != ""


def test_one_command_fills_every_row() -> None:
    text = render(run(QUICK), {}, seconds=1)
    assert all(f"| {look} |" in text for look in LOOKS)
    assert all(f"| {name} |" in text for name in METHODS)
    assert text.count("not on this machine") > 4, "nothing is read from shared folders here"
    assert "annotated cells and more: annotated centres found | real other cells |" in text
