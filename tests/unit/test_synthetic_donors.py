from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score

from app.domain.scoring import rigidity_score_of_fractions
from app.domain.synthetic.donors import (
    CUES,
    RUN_ERROR_SD,
    draw_cues,
    draw_donor,
    draw_ratchet_counts,
    draw_stiffness,
    generator,
    outlet_mix,
)

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Cells:
    cues: Floats
    outlets: NDArray[np.int64]

    @property
    def rigid(self) -> NDArray[np.bool_]:
        return self.outlets >= 4


def cells_of(codes: Sequence[str], per_donor: int) -> Cells:
    cues, outlets = [], []
    for code in codes:
        donor, rng = draw_donor(code, 1), generator("cells", code)
        stiffness, sorted_to = draw_stiffness(donor, outlet=None, count=per_donor, rng=rng)
        cues.append(draw_cues(donor, stiffness, rng))
        outlets.append(sorted_to)
    return Cells(cues=np.concatenate(cues), outlets=np.concatenate(outlets))


@pytest.fixture(scope="module")
def seen() -> Cells:
    return cells_of([f"seen-{k}" for k in range(60)], 800)


@pytest.fixture(scope="module")
def held_out() -> Cells:
    return cells_of([f"held-out-{k}" for k in range(60)], 800)


def test_the_same_code_and_seed_give_the_same_donor_and_others_another() -> None:
    assert draw_donor("D1", 1) == draw_donor("D1", 1)
    assert draw_donor("D1", 1) != draw_donor("D1", 2)
    assert draw_donor("D1", 1).mean_stiffness != draw_donor("D2", 1).mean_stiffness


def test_over_many_donors_the_outlets_hold_the_published_shares() -> None:
    mixes = np.array([draw_donor(f"D{k}", 5).outlet_mix for k in range(2000)])
    assert mixes.sum(axis=1) == pytest.approx(1.0)
    assert mixes.mean(axis=0) == pytest.approx([0.05, 0.39, 0.47, 0.09], abs=0.015)


def test_scores_over_donors_span_the_published_range() -> None:
    scores = np.array([draw_donor(f"D{k}", 5).rigidity_score for k in range(500)])
    assert scores.min() > 2.3
    assert scores.max() < 3.8
    assert np.ptp(scores) > 1.0


def test_cells_drawn_unsorted_follow_the_population_of_their_donor() -> None:
    donor = draw_donor("D1", 3)
    _, outlets = draw_stiffness(donor, outlet=None, count=40_000, rng=generator("x"))
    shares = np.bincount(outlets, minlength=6)[2:6] / outlets.size
    assert shares == pytest.approx(donor.outlet_mix, abs=0.01)


@pytest.mark.parametrize("outlet", [2, 3, 4, 5])
def test_cells_of_a_sorted_well_all_belong_to_its_outlet(outlet: int) -> None:
    donor = draw_donor("D1", 3)
    _, outlets = draw_stiffness(donor, outlet=outlet, count=500, rng=generator("x"))
    assert set(outlets.tolist()) == {outlet}


def test_sorted_and_unsorted_cells_of_an_outlet_are_equally_stiff() -> None:
    donor = draw_donor("D1", 3)
    unsorted, outlets = draw_stiffness(donor, outlet=None, count=60_000, rng=generator("x"))
    sorted_cells, _ = draw_stiffness(donor, outlet=3, count=20_000, rng=generator("y"))
    assert sorted_cells.mean() == pytest.approx(unsorted[outlets == 3].mean(), abs=0.02)
    assert sorted_cells.std() == pytest.approx(unsorted[outlets == 3].std(), abs=0.02)


def test_true_cues_tell_two_classes_of_unseen_donors_well_but_never_perfectly(
    seen: Cells, held_out: Cells
) -> None:
    judge = LogisticRegression(max_iter=500).fit(seen.cues, seen.rigid)
    assert 0.82 < judge.score(held_out.cues, held_out.rigid) < 0.90


def test_size_alone_hardly_tells(seen: Cells, held_out: Cells) -> None:
    size = [CUES.index("size")]
    judge = LogisticRegression(class_weight="balanced").fit(seen.cues[:, size], seen.rigid)
    called = judge.predict(held_out.cues[:, size])
    assert balanced_accuracy_score(held_out.rigid, called) < 0.58


@pytest.mark.parametrize("cue", CUES)
def test_no_cue_alone_is_enough(cue: str, seen: Cells, held_out: Cells) -> None:
    column = [CUES.index(cue)]
    judge = LogisticRegression().fit(seen.cues[:, column], seen.rigid)
    assert judge.score(held_out.cues[:, column], held_out.rigid) < 0.80


def test_mistakes_fall_mostly_on_the_neighbouring_outlet(seen: Cells, held_out: Cells) -> None:
    judge = LogisticRegression(max_iter=1000).fit(seen.cues, seen.outlets)
    missed_by = np.abs(judge.predict(held_out.cues) - held_out.outlets)
    assert np.mean(missed_by > 1) < 0.02


def test_a_shifted_donor_looks_unlike_the_same_donor_unshifted() -> None:
    plain, shifted = draw_donor("D1", 1), draw_donor("D1", 1, appearance_shift=3.0)
    moved = np.linalg.norm(np.subtract(shifted.cue_offsets, plain.cue_offsets))
    assert moved == pytest.approx(3.0)
    assert shifted.outlet_mix == plain.outlet_mix


def test_repeated_ratchet_runs_scatter_like_the_published_ones() -> None:
    donor = draw_donor("D1", 1)
    runs = [draw_ratchet_counts(donor, rng=generator("run", k)) for k in range(400)]
    scores = np.array([rigidity_score_of_fractions(counts) for counts in runs])
    assert scores.mean() == pytest.approx(donor.rigidity_score, abs=0.03)
    assert scores.std() == pytest.approx(RUN_ERROR_SD, rel=0.15)


def test_stiffer_donors_score_higher() -> None:
    scores = [
        rigidity_score_of_fractions(dict(zip((2, 3, 4, 5), outlet_mix(mean, 0.85), strict=True)))
        for mean in np.linspace(-1, 1, 21)
    ]
    assert np.all(np.diff(scores) > 0)
