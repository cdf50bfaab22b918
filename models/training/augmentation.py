"""Vary crops by what says nothing about the cell: its turn and place, light, focus, noise."""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from app.domain.imaging.normalisation import measure_crop_background
from models.training.config import AugmentationConfig

LEAST_BLUR_SIGMA_PX: Final = 0.25
"""A narrower Gaussian is a single pixel on the grid."""


def augment_crops(
    crops: NDArray[np.uint8], rng: np.random.Generator, config: AugmentationConfig
) -> NDArray[np.uint8]:
    """Return varied copies of the crops.

    Parameters
    ----------
    crops
        uint8, shape (n, size, size), as cut from the image: light and focus act before
        normalisation, as they do in the microscope.
    rng
        Source of every draw; the same state gives the same copies.
    config
        Ranges.

    Returns
    -------
    uint8, shape (n, size, size).
    """
    turned = _turn(crops, rng) if config.mirrors_and_quarter_turns else crops
    moved = _move(turned, rng, config)
    return _light(moved, rng, config)


def _turn(crops: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """One of the eight symmetries of the square for each crop."""
    symmetry = rng.integers(0, 8, len(crops))
    turned = np.empty_like(crops)
    for code in range(8):
        members = symmetry == code
        part = np.rot90(crops[members], code % 4, axes=(1, 2))
        turned[members] = part[:, ::-1] if code >= 4 else part
    return turned


def _move(
    crops: NDArray[np.uint8], rng: np.random.Generator, config: AugmentationConfig
) -> NDArray[np.uint8]:
    """Scale about the middle, shift, and blur, crop by crop."""
    n_crops, size_px = len(crops), crops.shape[1]
    scale = rng.uniform(*config.scale, n_crops)
    shift_px = rng.uniform(-config.shift_px, config.shift_px, (n_crops, 2))
    sigma_px = rng.uniform(*config.blur_sigma_px, n_crops)
    middle = (size_px - 1) / 2
    moved = np.empty_like(crops)
    for index, crop in enumerate(crops):
        offset = middle * (1 - scale[index]) + shift_px[index]
        matrix = np.array([[scale[index], 0, offset[1]], [0, scale[index], offset[0]]])
        one = cv2.warpAffine(
            crop,
            matrix,
            (size_px, size_px),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        if sigma_px[index] >= LEAST_BLUR_SIGMA_PX:
            one = cv2.GaussianBlur(one, (0, 0), float(sigma_px[index]))
        moved[index] = one
    return moved


def _light(
    crops: NDArray[np.uint8], rng: np.random.Generator, config: AugmentationConfig
) -> NDArray[np.uint8]:
    """Change contrast, multiply by a tilted plane, add noise; saturation included."""
    n_crops, size_px = len(crops), crops.shape[1]
    contrast = _per_crop(rng.uniform(*config.contrast, n_crops))
    gain = _per_crop(rng.uniform(*config.gain, n_crops))
    noise_sd = _per_crop(rng.uniform(*config.noise_sd, n_crops))
    slope = rng.uniform(-config.light_slope, config.light_slope, (n_crops, 2)).astype(np.float32)
    ramp = np.linspace(-1, 1, size_px, dtype=np.float32)
    plane = 1 + slope[:, :1, np.newaxis] * ramp[:, np.newaxis] + slope[:, 1:, np.newaxis] * ramp
    background = _per_crop(measure_crop_background(crops))
    lit = (background + contrast * (crops - background)) * (gain * plane)
    lit += noise_sd * rng.standard_normal(lit.shape, dtype=np.float32)
    return np.asarray(np.clip(np.rint(lit), 0, 255).astype(np.uint8))


def _per_crop(values: NDArray[np.floating]) -> NDArray[np.float32]:
    return np.asarray(values, np.float32)[:, np.newaxis, np.newaxis]
