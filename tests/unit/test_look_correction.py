import numpy as np
import pytest

from app.domain.look_correction import (
    FEWEST_DONORS,
    Floats,
    LookCorrection,
    cross_fit,
    fit_look_correction,
    fit_weights,
)

N_LOOKS = 6


def drawn_samples(n: int, seed: int) -> tuple[Floats, Floats, Floats]:
    """Looks, scores and truths; two nuisances move looks and scores, and truth moves all looks."""
    rng = np.random.default_rng(seed)
    truths = rng.normal(3.0, 0.3, n)
    nuisance = rng.normal(size=(n, 2))
    loadings = np.random.default_rng(5).normal(size=(2, N_LOOKS))
    by_truth = np.random.default_rng(6).normal(size=N_LOOKS)
    looks = nuisance @ loadings + np.outer(truths - 3.0, by_truth) * 3
    looks += 0.2 * rng.normal(size=looks.shape)
    scores = truths + nuisance @ np.array([0.08, -0.05]) + rng.normal(0, 0.03, n)
    return looks, scores, truths


def test_errors_of_unseen_donors_shrink() -> None:
    looks, scores, truths = drawn_samples(200, 1)
    corrected = cross_fit(looks, scores, truths)
    assert np.abs(corrected - truths).mean() < 0.6 * np.abs(scores - truths).mean()


def test_no_donor_is_drawn_to_the_average() -> None:
    looks, scores, truths = drawn_samples(400, 2)
    corrected = cross_fit(looks, scores, truths)
    before, after = (np.polyfit(truths, values, 1)[0] for values in (scores, corrected))
    assert after == pytest.approx(before, abs=0.03)


def test_the_weights_are_blind_to_the_truth() -> None:
    looks, scores, truths = drawn_samples(100, 3)
    _, weights = fit_weights(looks, scores, truths)
    assert np.polyfit(truths, looks @ weights, 1)[0] == pytest.approx(0, abs=1e-9)


def test_the_correction_never_reads_the_score() -> None:
    looks, scores, truths = drawn_samples(100, 4)
    correction = fit_look_correction(looks, scores, truths)
    assert correction is not None
    assert correction.shift(correction.centre) == 0
    again = LookCorrection.from_json(correction.to_json())
    assert again is not None
    assert again.shift(looks[0]) == pytest.approx(correction.shift(looks[0]), abs=1e-4)


def test_looks_that_say_nothing_change_little() -> None:
    _, scores, truths = drawn_samples(300, 5)
    looks = np.random.default_rng(9).normal(size=(300, N_LOOKS))
    corrected = cross_fit(looks, scores, truths)
    assert np.abs(corrected - scores).mean() < 0.02


def test_few_donors_give_no_correction() -> None:
    looks, scores, truths = drawn_samples(FEWEST_DONORS - 1, 6)
    assert fit_look_correction(looks, scores, truths) is None
