"""Weights tied so that a turned or mirrored sheet gives the turned or mirrored answers."""

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from models.training.outliner.architecture import build_outliner, untie
from models.training.outliner.symmetry import (
    MATRICES,
    N_SYMMETRIES,
    oriented,
    rays,
    scalars,
    tie_kernel,
)

Maps = NDArray[np.float32]
SIDE_PX = 48


@pytest.fixture(scope="module")
def network() -> keras.Model:
    """With every weight at random, those that training starts at 0 and 1 too."""
    keras.utils.set_random_seed(3)
    model = build_outliner()
    rng = np.random.default_rng(3)
    for weight in model.weights:
        values = np.asarray(weight)
        weight.assign(values + 0.2 * np.abs(rng.normal(size=values.shape)))
    return model


def transform(maps: Maps, symmetry: int) -> Maps:
    """Maps (1, n, n, c) as one of `MATRICES` takes them; channels stay."""
    middle = (maps.shape[1] - 1) / 2
    places = np.indices(maps.shape[1:3]).reshape(2, -1)
    rows, columns = np.rint(MATRICES[symmetry] @ (places - middle) + middle).astype(int)
    moved = np.empty_like(maps)
    moved[:, rows, columns] = maps[:, places[0], places[1]]
    return moved


@pytest.mark.parametrize("symmetry", range(N_SYMMETRIES))
def test_a_transformed_sheet_gets_the_transformed_answers(
    network: keras.Model, symmetry: int
) -> None:
    sheet = np.random.default_rng(1).normal(0, 0.1, (1, SIDE_PX, SIDE_PX, 1)).astype(np.float32)
    centre, radii, kinds = (np.asarray(maps) for maps in network(sheet))
    other_centre, other_radii, other_kinds = (
        np.asarray(maps) for maps in network(transform(sheet, symmetry))
    )

    def assert_close(other: Maps, expected: Maps) -> None:
        np.testing.assert_allclose(other, expected, atol=1e-4 * float(np.ptp(expected)))

    assert_close(other_centre, transform(centre, symmetry))
    assert_close(other_kinds, transform(kinds, symmetry))
    assert_close(other_radii[..., rays().taken_to[symmetry]], transform(radii, symmetry))


def test_ordinary_layers_give_the_same_answers(network: keras.Model) -> None:
    sheet = np.random.default_rng(2).normal(0, 0.1, (1, SIDE_PX, 64, 1)).astype(np.float32)
    for tied, plain in zip(network(sheet), untie(network)(sheet), strict=True):
        np.testing.assert_allclose(np.asarray(plain), np.asarray(tied), rtol=1e-3, atol=1e-3)


def test_an_eighth_of_the_weights_is_free_between_oriented_features() -> None:
    _, between = tie_kernel(3, oriented(16), oriented(24))
    _, isotropic = tie_kernel(3, scalars(1), scalars(1))

    assert between == 3 * 3 * 16 * 24 // N_SYMMETRIES
    assert isotropic == len({"middle", "edge", "corner"})
