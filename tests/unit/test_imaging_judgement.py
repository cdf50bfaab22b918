"""The verdict on a cell follows from its measures and kinds, with a probability to go by."""

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from app.domain.imaging import CellJudgement, CellRegions, ImagingParameters, judge_cells
from app.domain.imaging.regions import N_ANGLES
from app.domain.quality import Verdict

PARAMETERS = ImagingParameters()
IMAGE = np.full((400, 600), 190, np.uint8)
GOOD = {
    "row": 200.0, "column": 300.0, "diameter_um": 6.2, "circularity": 0.97, "elongation": 1.1,
    "rim_width_um": 0.35, "rim_contrast": 0.3,
}  # fmt: skip
Mask = np.typing.NDArray[np.bool_]
KINDS = [0.97, 0.01, 0.01, 0.01]


def judge(*cells: dict[str, Any], usable: Mask | None = None) -> tuple[CellJudgement, ...]:
    """Judge cells that are good but for what is said, apart; nine good ones lie beside them."""
    apart = [{"column": 300.0 - 100 * n} | cell for n, cell in enumerate(cells)]
    rows = [
        GOOD | cell
        for cell in (*apart, *[{"row": 100.0, "column": 60.0 + 50 * n} for n in range(9)])
    ]
    values: dict[str, Any] = {
        field.name: np.array([row.get(field.name, 0.1) for row in rows], np.float32)
        for field in fields(CellRegions)
        if field.name != "p_kinds"
    }
    radius = [round(4 * row["diameter_um"] / 2 / PARAMETERS.um_per_px) for row in rows]
    values["radii"] = np.repeat(np.array(radius, np.uint8)[:, None], N_ANGLES, axis=1)
    values["p_kinds"] = np.array([row.get("p_kinds", KINDS) for row in rows], np.float32)
    return judge_cells(IMAGE, CellRegions(**values), PARAMETERS, usable)[: len(cells)]


def test_a_good_cell_is_accepted_with_a_high_probability() -> None:
    (judged,) = judge({})
    assert judged.verdict is Verdict.ACCEPTED
    assert judged.findings == ()
    assert 0.9 < judged.probability < 1


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"row": 12.0}, "partial"),
        ({"column": 585.0}, "partial"),
        ({"row": 29.0}, "partial"),
        ({"p_kinds": [0.2, 0.78, 0.01, 0.01]}, "several"),
        ({"p_kinds": [0.2, 0.01, 0.78, 0.01]}, "blurred"),
        ({"rim_width_um": 0.6}, "blurred"),
        ({"p_kinds": [0.1, 0.01, 0.01, 0.88]}, "debris"),
        ({"circularity": 0.6}, "debris"),
        ({"elongation": 2.6}, "debris"),
        ({"diameter_um": 11.0}, "wrong_type"),
        ({"diameter_um": 2.8}, "wrong_type"),
    ],
)
def test_each_fault_is_named(change: dict[str, Any], code: str) -> None:
    (judged,) = judge(change)
    assert judged.verdict is Verdict.REJECTED
    assert judged.findings == (code,)
    assert 0.5 < judged.probability < 1


def test_a_cell_beside_the_usable_area_is_named_so_and_nothing_else() -> None:
    inside, outside = judge({"column": 100.0}, {"column": 500.0}, usable=np.array([[True, False]]))
    assert inside.verdict is Verdict.ACCEPTED
    assert outside.findings == ("outside_usable",)


def test_cells_whose_outlines_touch_are_several_and_a_speck_beside_a_cell_is_none() -> None:
    pair = judge({"column": 300.0}, {"column": 335.0})
    assert [judged.findings for judged in pair] == [("several",), ("several",)]
    apart = judge({"column": 300.0}, {"column": 340.0})
    assert [judged.findings for judged in apart] == [(), ()]
    cell, speck = judge({"column": 300.0}, {"column": 330.0, "p_kinds": [0.1, 0.01, 0.01, 0.88]})
    assert (cell.findings, speck.findings) == ((), ("debris",))


def test_where_noise_scatters_rim_widths_a_wide_rim_alone_is_no_blur() -> None:
    calm, noisy = 0.35, [0.41 + 0.06 * (n % 4) for n in range(14)]
    assert judge({"rim_width_um": 0.55}, {"rim_width_um": calm})[0].findings == ("blurred",)
    cells = [{"rim_width_um": width, "row": 300.0, "column": 40.0 * n} for n, width in
             enumerate(noisy, start=1)]  # fmt: skip
    assert judge({"rim_width_um": 0.55}, *cells)[0].findings == ()


def test_a_cell_at_a_limit_is_half_certain() -> None:
    far, near = judge({"diameter_um": 12.0}, {"diameter_um": 9.01})
    assert near.verdict is far.verdict is Verdict.REJECTED
    assert near.probability == pytest.approx(0.5, abs=0.05)
    assert far.probability > 0.99


def test_the_probability_of_an_accepted_cell_falls_with_its_likeliest_fault() -> None:
    sure, unsure = judge({}, {"p_kinds": [0.6, 0.38, 0.01, 0.01]})
    assert isinstance(unsure, CellJudgement)
    assert sure.verdict is unsure.verdict is Verdict.ACCEPTED
    assert unsure.probability == pytest.approx(0.78, abs=0.01)


def test_where_no_fault_is_likely_by_itself_the_likeliest_stands_for_all() -> None:
    wavering, likely_single = judge(
        {"p_kinds": [0.25, 0.4, 0.05, 0.3]}, {"p_kinds": [0.35, 0.4, 0.05, 0.2]}
    )
    assert (wavering.findings, likely_single.findings) == (("several",), ())


def test_stored_sets_of_the_first_pipeline_still_load() -> None:
    first = {"um_per_px": 0.2, "smooth_um": 0.2, "outside_weight": 1.2, "touching_share": 0.8}
    assert ImagingParameters.from_json(first) == replace(PARAMETERS, um_per_px=0.2)
