"""The outliner as it is shipped: its port, its checks, and what it sees on drawn fields."""

import json

import numpy as np
import pytest

from app.domain.errors import InvalidInput, ProcessingFailed
from app.domain.imaging.outliner import GRID_PX, KINDS, Outliner
from app.domain.synthetic.looks import draw_field
from models.bundled import BUNDLED_DIR, OUTLINER_DESCRIPTION, OUTLINER_FILE, load_outliner
from models.outliner import Outliner as OnnxOutliner
from models.outliner import read_digest
from models.training.outliner.measure import count_field, to_sheet
from models.training.outliner.reading import read_maps


@pytest.fixture(scope="module")
def outliner() -> Outliner:
    return load_outliner()


def test_its_answer_has_a_square_for_every_four_pixels(outliner: Outliner) -> None:
    maps = outliner(np.zeros((64, 104), np.float32))

    assert maps.centre.shape == (64 // GRID_PX, 104 // GRID_PX)
    assert maps.radii.shape == (*maps.centre.shape, 32)
    assert maps.kinds.shape == (*maps.centre.shape, len(KINDS))
    assert maps.centre.dtype == maps.radii.dtype == maps.kinds.dtype == np.float32
    assert maps.radii.min() >= 0
    np.testing.assert_allclose(maps.kinds.sum(axis=-1), 1, atol=1e-5)


def test_an_empty_sheet_has_no_centre(outliner: Outliner) -> None:
    rng = np.random.default_rng(1)
    empty = np.zeros((256, 256), np.float32)
    noisy = rng.normal(0, 0.006, (256, 256)).astype(np.float32)

    assert outliner(empty).centre.max() < 0.2
    assert outliner(noisy).centre.max() < 0.3


@pytest.mark.parametrize("shape", [(60, 64), (64, 3), (0, 64), (64,)])
def test_a_sheet_of_another_shape_is_refused(outliner: Outliner, shape: tuple[int, ...]) -> None:
    with pytest.raises(InvalidInput, match="multiples of 8"):
        outliner(np.zeros(shape, np.float32))


def test_other_bytes_than_those_described_are_refused() -> None:
    data = (BUNDLED_DIR / OUTLINER_FILE).read_bytes()
    digest = read_digest((BUNDLED_DIR / OUTLINER_DESCRIPTION).read_bytes())

    OnnxOutliner.load(data, sha256=digest)
    with pytest.raises(ProcessingFailed, match="not the one"):
        OnnxOutliner.load(data + b"\0", sha256=digest)


def test_a_description_of_another_format_is_refused() -> None:
    with pytest.raises(InvalidInput, match="format"):
        read_digest(json.dumps({"format": "pliant-model/1", "sha256": "0" * 64}))


def test_it_is_small_enough_to_ship_and_says_what_it_was_trained_on() -> None:
    description = json.loads((BUNDLED_DIR / OUTLINER_DESCRIPTION).read_text())

    assert (BUNDLED_DIR / OUTLINER_FILE).stat().st_size < 300_000
    assert description["data"] == "drawn cells only"
    looks = description["training"]["patches"]["looks"]
    assert not {"relief", "halo", "stained"} & set(looks)
    assert {"relief", "halo", "stained"} < set(description["figures"]["looks"])


@pytest.mark.parametrize("look", ["shaded", "dark_rings", "bright_rings", "relief", "stained"])
def test_it_finds_the_cells_of_a_drawn_field(outliner: Outliner, look: str) -> None:
    field = draw_field(look, seed=700_000_001, n_cells=40, height_px=1200, width_px=1200)
    counts = count_field(field, read_maps(outliner(to_sheet(field.image))))

    n_isolated, n_found, n_alone, n_true = counts[:4]
    assert n_isolated > 5
    assert n_found / n_isolated >= 0.95
    assert n_true / n_alone >= 0.9
    assert counts[8] / counts[9] > 0.8


def test_a_turned_or_mirrored_sheet_gets_the_turned_or_mirrored_answers(outliner: Outliner) -> None:
    field = draw_field("shaded", seed=700_000_002, n_cells=30, height_px=800, width_px=800)
    sheet = to_sheet(field.image)
    upright = outliner(sheet)
    turned = outliner(np.ascontiguousarray(np.rot90(sheet)))
    mirrored = outliner(np.ascontiguousarray(sheet[:, ::-1]))

    np.testing.assert_allclose(np.rot90(turned.centre, -1), upright.centre, atol=1e-3)
    np.testing.assert_allclose(mirrored.centre[:, ::-1], upright.centre, atol=1e-3)
    np.testing.assert_allclose(mirrored.kinds[:, ::-1], upright.kinds, atol=1e-3)
    np.testing.assert_allclose(
        np.roll(np.rot90(turned.radii, -1), 8, axis=-1), upright.radii, atol=0.02
    )
