"""Figures of a run over sealed images, and how far they may lie from the sealed answer."""

import datetime as dt
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.control_charts import Rule
from app.domain.control_series import SeriesRun, judge_newest
from app.domain.digital_control import (
    FIGURES,
    SEALED_OPTIONS,
    ControlImage,
    changes,
    control_figures,
    differences,
    sealed_limits,
    sealed_sha256,
    sealed_text,
    without_network,
)

ANSWER = {
    "n_cells": 100.0,
    "mean_diameter_um": 6.3,
    "mean_grey": 180.0,
    "rim_width_um": 0.33,
    "mean_p_deformable": 0.45,
    "crossing": 3.2,
}


def image(n: int = 3, grey: float = 180.0) -> ControlImage:
    p_outlet = np.tile(np.array([0.1, 0.3, 0.4, 0.2], np.float32), (n, 1))
    return ControlImage(grey, 0.3, np.full(n, 6.0, np.float32), p_outlet)


def test_figures_of_known_cells_are_known() -> None:
    figures = control_figures([image(3, 180), image(1, 190)], (2, 3, 4, 5))
    assert figures == pytest.approx(
        {
            "n_cells": 4,
            "mean_diameter_um": 6.0,
            "mean_grey": 185.0,
            "rim_width_um": 0.3,
            "mean_p_deformable": 0.4,
            "crossing": 3.25,
        }
    )
    assert set(figures) == set(FIGURES)


def test_without_a_cell_a_figure_is_no_number_and_matches_nothing() -> None:
    figures = control_figures([image(0)], (2, 3, 4, 5))
    assert math.isnan(figures["crossing"])
    assert {one.figure for one in differences(ANSWER, figures)} >= {"n_cells", "crossing"}
    assert differences(figures, figures)
    with pytest.raises(ValueError, match="not JSON compliant"):
        sealed_text(figures)


@pytest.mark.parametrize("figure", FIGURES)
def test_each_figure_matches_up_to_its_tolerance_and_not_beyond(figure: str) -> None:
    reach = FIGURES[figure].tolerance
    for sign in (-1, 1):
        inside = ANSWER | {figure: ANSWER[figure] + sign * 0.99 * reach}
        outside = ANSWER | {figure: ANSWER[figure] + sign * 1.01 * reach}
        assert differences(ANSWER, inside) == ()
        ((found),) = differences(ANSWER, outside)
        assert found.figure == figure
        assert FIGURES[figure].title in found.message
    missing = {name: value for name, value in ANSWER.items() if name != figure}
    assert [one.figure for one in differences(ANSWER, missing)] == [figure]


def test_the_same_machine_owes_the_same_bits() -> None:
    assert changes(ANSWER, dict(ANSWER)) == ()
    (found,) = changes(ANSWER, ANSWER | {"mean_p_deformable": 0.4500001})
    assert found.figure == "mean_p_deformable"
    assert differences(ANSWER, ANSWER | {"mean_p_deformable": 0.4500001}) == ()


def test_another_network_changes_no_figure_of_the_images() -> None:
    assert set(without_network(ANSWER)) == {
        "n_cells", "mean_diameter_um", "mean_grey", "rim_width_um",
    }  # fmt: skip


def test_the_seal_does_not_depend_on_the_order_of_figures() -> None:
    turned = dict(reversed(ANSWER.items()))
    assert sealed_sha256(sealed_text(turned)) == sealed_sha256(sealed_text(ANSWER))
    other = ANSWER | {"n_cells": 101.0}
    assert sealed_sha256(sealed_text(other)) != sealed_sha256(sealed_text(ANSWER))


def rules(figure: str, deviations: list[float]) -> list[Rule]:
    """Rules that reject the last of runs so many tolerances away from the sealed answer."""
    limits = sealed_limits(ANSWER)[figure]
    day = dt.date(2026, 1, 1)
    reach = FIGURES[figure].tolerance
    runs = [
        SeriesRun(str(n), ANSWER[figure] + share * reach, day) for n, share in enumerate(deviations)
    ]
    found = judge_newest(runs, frozen=limits, options=SEALED_OPTIONS).violations
    return [one.rule for one in found if not one.is_warning]


def test_beyond_the_tolerance_is_beyond_three_standard_deviations() -> None:
    assert rules("mean_grey", [0, 0, 1.01]) == [Rule.ONE_3S]
    assert rules("mean_grey", [0, 0, 0.99]) == []


def test_a_drift_within_the_tolerance_is_told_before_it_leaves_it() -> None:
    assert rules("crossing", [0, 0.4, 0.4, 0.4, 0.4]) == [Rule.FOUR_1S]
    assert rules("crossing", [0, 0.7, 0.7]) == [Rule.TWO_2S]


def test_a_machine_that_lies_a_little_beside_for_ever_breaks_no_rule() -> None:
    assert rules("crossing", [0.01] * 30) == []


@given(st.dictionaries(st.sampled_from(sorted(FIGURES)), st.floats(allow_nan=True), max_size=6))
def test_whatever_was_found_is_compared_without_an_error(found: dict[str, float]) -> None:
    wrong = {one.figure for one in differences(ANSWER, found)}
    assert set(FIGURES) - set(found) <= wrong
