"""What the page of an image says, from drawn views: sentences, filters, measured values."""

import base64
from dataclasses import replace

import pytest

from app.dashboard.contexts.cells import CellQuery, cell_list, cell_panel, tags_of
from app.dashboard.contexts.corrections import corrected_text
from app.dashboard.contexts.findings import measured_text
from app.dashboard.contexts.images import SampleImagesPage, sample_images_page
from app.dashboard.contexts.outlines import packed_outlines
from app.dashboard.contexts.shell import Shell
from app.dashboard.rendering import environment
from app.domain.quality import Finding, Level
from app.services.correction_log import CorrectedCounts
from app.services.image_places import PlacedCell
from app.services.samples import ImageCounts, WellView
from tests.end_to_end.drawn_images import (
    drawn_cells,
    drawn_image,
    drawn_image_page,
    drawn_sample,
    ident,
)

CELLS = drawn_cells(200)


def finding(code: str, value: float | None, limit: float | None) -> Finding:
    return Finding(code, Level.REJECT, value, limit, "words")


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (finding("under_exposed", 48, 70), "Measured: background grey 48; limit 70"),
        (finding("out_of_focus", 1.2, 0.9), "Measured: width of the rims 1.20 µm; limit 0.90 µm"),
        (finding("out_of_focus", 0.12, 0.4), "Measured: bodies with a sharp rim 12 %; limit 40 %"),
        (finding("over_exposed", 0.043, 0.02), "Measured: saturated pixels 4.3 %; limit 2.0 %"),
        (finding("partly_out_of_focus", 0.31, 0.0), "Measured: out of focus 31 %"),
        (finding("unheard_of", 0.31, 0.5), "Measured: 0.31; limit 0.5"),
        (finding("duplicate", None, None), None),
    ],
)
def test_a_measured_value_stands_beside_its_limit(found: Finding, said: str | None) -> None:
    text = measured_text(found)
    assert (text and text.replace("\u00a0", " ")) == said


def test_every_filter_counts_what_it_shows() -> None:
    image = drawn_image()
    filters = cell_list(image, CELLS, CellQuery()).filters
    for one in filters:
        listed: list[str] = []
        page: int | None = 1
        while page:
            shown = cell_list(image, CELLS, CellQuery(show=one.code, page=page))
            listed += [line.id for line in shown.lines]
            page = page + 1 if shown.next_href else None
        assert len(listed) == len(set(listed)) == int(one.count), one.code
    assert sum(int(one.count) for one in filters if one.code in ("accepted", "rejected")) == 200


def test_the_list_opens_at_the_chosen_cell() -> None:
    chosen = CELLS[150]
    shown = cell_list(drawn_image(), CELLS, CellQuery(cell=str(chosen.id)))
    assert [line.id for line in shown.lines if line.is_chosen] == [str(chosen.id)]


def test_a_restored_cell_is_filtered_by_what_holds() -> None:
    restored = CELLS[2]
    assert (restored.found_verdict, restored.verdict) == ("rejected", "accepted")
    assert tags_of(restored) == ["accepted", "corrected"]


def test_a_cell_at_the_edge_offers_no_restoring_and_says_why() -> None:
    cut = replace(CELLS[3], row=3.0, verdict="rejected")
    panel = cell_panel(drawn_image(), PlacedCell(1, 1, cut), may_correct=True)
    assert panel.form is None
    assert panel.hint is not None
    assert "too near the edge" in panel.hint


def test_who_may_not_correct_is_offered_no_form() -> None:
    placed = PlacedCell(1, 200, CELLS[0])
    assert cell_panel(drawn_image(), placed, may_correct=True).form is not None
    assert cell_panel(drawn_image(), placed, may_correct=False).form is None


def test_the_packed_radii_are_the_stored_bytes() -> None:
    """The outline's corners are rounded to hundredths, a byte is a quarter of a pixel."""
    packed = packed_outlines(drawn_image(), CELLS)
    radii = base64.b64decode(packed["radii"])
    assert len(radii) == 32 * len(CELLS)
    assert set(radii) <= set(range(62, 75))
    assert packed["mask"]["rows"] == packed["mask"]["columns"] == 36


def test_the_sentence_counts_the_cells_that_count() -> None:
    page = drawn_image_page(200)
    n_accepted = sum(cell.verdict == "accepted" for cell in CELLS)
    assert page.judgement.sentence.replace("\u00a0", " ") == (
        f"Used in part (83 % of it). {n_accepted} of 200 outlined cells count in the score."
    )


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        (CorrectedCounts(3, 0, 1, 0), "3 cells and 1 image excluded by hand"),
        (CorrectedCounts(1, 2, 0, 0), "1 cell excluded, 2 cells restored by hand"),
        (CorrectedCounts(0, 0, 0, 1), "1 image restored by hand"),
        (CorrectedCounts(0, 0, 0, 0), None),
    ],
)
def test_what_was_changed_by_hand_is_one_sentence(
    counts: CorrectedCounts, said: str | None
) -> None:
    assert corrected_text(counts) == said


def images_page_of(n_wells: int, n_images: int) -> SampleImagesPage:
    counts = ImageCounts(total=n_images, pending=0, accepted=n_images, partly=0, rejected=0)
    wells = tuple(
        WellView(
            ident(n), ident(1), None, n, f"well {n}", None, None, ident(9), counts, n_cells=None
        )
        for n in range(n_wells)
    )
    images = [
        replace(drawn_image(n * n_images + k), well_id=well.id)
        for n, well in enumerate(wells)
        for k in range(n_images)
    ]
    return sample_images_page(replace(drawn_sample(), wells=wells), images, [], {}, "all")


def test_two_wells_are_shown_whole_and_thirty_by_their_first_images() -> None:
    two, thirty = images_page_of(2, 145), images_page_of(30, 145)
    assert [len(well.tiles) for well in two.wells] == [145, 145]
    assert {well.further for well in two.wells} == {None}
    assert {len(well.tiles) for well in thirty.wells} == {10}
    assert thirty.wells[3].further == "All 145 images of this well"
    assert thirty.wells[3].further_href == f"{thirty.wells[3].href}?show=all"
    page = environment().get_template("images_list.html").render(shell=Shell("Images"), page=thirty)
    assert len(page.encode()) < 250_000
