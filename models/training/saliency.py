"""Where in a crop the network looks, as pictures and as one share.

Gradients of the log odds of a rigid cell with respect to the input, plain and averaged over noisy
copies. A network that reads cells has most of them inside the outline.

References
----------
Simonyan, Vedaldi and Zisserman, arXiv 1312.6034 (2013): vanilla gradients.
Smilkov et al., arXiv 1706.03825 (2017): SmoothGrad.
"""

from dataclasses import dataclass
from typing import Any, Final

import cv2
import keras
import numpy as np
import tensorflow as tf
from keras import ops
from numpy.typing import NDArray

from app.domain.imaging.normalisation import normalise_crops
from models.evaluation import is_rigid
from models.training.config import TrainingConfig
from models.training.dataset import N_OUTLINE_RADII, LabelledCells

Floats = NDArray[np.float32]

CELLS_PER_OUTLET: Final = 24
SHOWN_PER_OUTLET: Final = 4
NOISY_COPIES: Final = 16
NOISE_SHARE: Final = 0.1
"""Standard deviation of SmoothGrad's noise, of the range of the crop."""
BATCH: Final = 64
SCALE: Final = 2
"""Shown pixels for each of the crop's."""
GAP_PX: Final = 4
SHARPEST: Final = 99.0
"""Percentile of a map that is drawn at full strength."""


@dataclass(frozen=True)
class Saliency:
    """Figures as JSON values, and pictures by file name as PNG."""

    figures: dict[str, Any]
    pictures: dict[str, bytes]


def explain(
    model: keras.Model, cells: LabelledCells, config: TrainingConfig, seed: int
) -> Saliency:
    """Maps of some cells of every outlet that did not fit the network.

    Pictures are ``saliency-vanilla.png`` and ``saliency-smoothgrad.png``: a row for each outlet,
    ascending; four cells in a row, each beside its map.
    """
    shown = cells.select(_choose(cells, np.random.default_rng(seed)))
    tensor = normalise_crops(shown.crops, version=config.normalisation)
    inside = mask_outlines(shown.outlines)
    maps = {
        "vanilla": vanilla(model, tensor, config.outlets),
        "smoothgrad": smooth(model, tensor, config.outlets, np.random.default_rng(seed)),
    }
    known = shown.outlines.max(axis=1) > 0
    figures: dict[str, Any] = {
        name: {"share_inside": _share_inside(found[known], inside[known])}
        for name, found in maps.items()
    }
    figures["area_inside"] = float(inside[known].mean()) if known.any() else None
    figures["n_cells"] = int(known.sum())
    pictures = {f"saliency-{name}.png": _sheet(shown, found) for name, found in maps.items()}
    return Saliency(figures | {"pictures": sorted(pictures)}, pictures)


def _choose(cells: LabelledCells, rng: np.random.Generator) -> NDArray[np.int64]:
    chosen = [
        rng.permutation(np.flatnonzero(cells.outlets == outlet))[:CELLS_PER_OUTLET]
        for outlet in np.unique(cells.outlets)
    ]
    return np.concatenate(chosen)


def vanilla(model: keras.Model, tensor: Floats, columns: tuple[int, ...]) -> Floats:
    """Absolute gradients, shape (n, 60, 60)."""
    parts = [
        _gradients(model, tensor[start : start + BATCH], columns)
        for start in range(0, len(tensor), BATCH)
    ]
    return np.abs(np.concatenate(parts))


def smooth(
    model: keras.Model, tensor: Floats, columns: tuple[int, ...], rng: np.random.Generator
) -> Floats:
    """Absolute gradients averaged over noisy copies, shape (n, 60, 60)."""
    sd = NOISE_SHARE * (tensor.max(axis=(1, 2, 3)) - tensor.min(axis=(1, 2, 3)))
    total = np.zeros(tensor.shape[:3], np.float32)
    for _ in range(NOISY_COPIES):
        noise = rng.standard_normal(tensor.shape, dtype=np.float32) * sd[:, None, None, None]
        total += vanilla(model, tensor + noise, columns)
    return total / np.float32(NOISY_COPIES)


def _gradients(model: keras.Model, tensor: Floats, columns: tuple[int, ...]) -> Floats:
    rigid = is_rigid(np.asarray(columns)).astype(np.float32)
    crops = tf.convert_to_tensor(tensor)
    with tf.GradientTape() as tape:
        tape.watch(crops)
        p = model(crops, training=False)
        p_rigid = ops.clip(ops.sum(p * rigid, axis=1), 1e-6, 1 - 1e-6)
        odds = ops.sum(ops.log(p_rigid) - ops.log(1.0 - p_rigid))
    gradients: Floats = tape.gradient(odds, crops).numpy()[..., 0]
    return gradients


def mask_outlines(outlines: Floats, side_px: int = 60) -> NDArray[np.bool_]:
    """Pixels within each star-shaped outline around the middle; shape (n, side, side)."""
    places = np.arange(side_px) - side_px // 2
    row, column = np.meshgrid(places, places, indexing="ij")
    turn = np.arctan2(row, column) / (2 * np.pi) * N_OUTLINE_RADII
    before = np.floor(turn).astype(np.int64)
    share = (turn - before).astype(np.float32)
    radius = outlines[:, before % N_OUTLINE_RADII] * (1 - share)
    radius += outlines[:, (before + 1) % N_OUTLINE_RADII] * share
    return np.asarray(np.hypot(row, column) <= radius)


def _share_inside(maps: Floats, inside: NDArray[np.bool_]) -> float | None:
    if not len(maps):
        return None
    total = maps.sum(axis=(1, 2))
    return float(((maps * inside).sum(axis=(1, 2)) / np.maximum(total, 1e-12)).mean())


def _sheet(cells: LabelledCells, maps: Floats) -> bytes:
    rows = []
    for outlet in np.unique(cells.outlets):
        here = np.flatnonzero(cells.outlets == outlet)[:SHOWN_PER_OUTLET]
        tiles = [tile for place in here for tile in (_crop(cells, place), _heat(maps[place]))]
        missing = 2 * (SHOWN_PER_OUTLET - len(here))
        tiles += [np.full_like(tiles[0], 255)] * missing
        rows.append(np.concatenate(tiles, axis=1))
    _, png = cv2.imencode(".png", np.concatenate(rows))
    return png.tobytes()


def _crop(cells: LabelledCells, place: np.int64) -> NDArray[np.uint8]:
    grey = cells.crops[place]
    low, high = int(grey.min()), int(grey.max())
    stretched = (grey - low) * (255.0 / max(high - low, 1))
    return _tile(np.repeat(stretched[..., np.newaxis], 3, axis=2).astype(np.uint8))


def _heat(found: Floats) -> NDArray[np.uint8]:
    strength = np.clip(found / max(float(np.percentile(found, SHARPEST)), 1e-12), 0, 1)
    return _tile(cv2.applyColorMap((strength * 255).astype(np.uint8), cv2.COLORMAP_VIRIDIS))


def _tile(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    wide = cv2.resize(picture, None, fx=SCALE, fy=SCALE, interpolation=cv2.INTER_NEAREST)
    gaps = ((0, GAP_PX), (0, GAP_PX), (0, 0))
    return np.pad(wide, gaps, constant_values=255).astype(np.uint8)
