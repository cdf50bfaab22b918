"""Vary crops by what says nothing about the cell: its turn and place, light, focus, noise."""

import cv2
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from app.domain.imaging.normalisation import measure_crop_background
from models.training.config import AugmentationConfig


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
    lit = _light(_shift(turned, rng, config.shift_px), rng, config)
    degraded = np.flatnonzero(rng.random(len(crops)) < config.degraded_share)
    lit[degraded] = _degrade(lit[degraded], rng, config)
    return lit


def _turn(crops: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """One of the eight symmetries of the square for each crop."""
    symmetry = rng.integers(0, 8, len(crops))
    turned = np.empty_like(crops)
    for code in range(8):
        members = symmetry == code
        part = np.rot90(crops[members], code % 4, axes=(1, 2))
        turned[members] = part[:, ::-1] if code >= 4 else part
    return turned


def _shift(crops: NDArray[np.uint8], rng: np.random.Generator, most_px: int) -> NDArray[np.uint8]:
    """Move each crop by whole pixels, repeating its edge."""
    size_px = crops.shape[1]
    wide = np.pad(crops, ((0, 0), (most_px, most_px), (most_px, most_px)), "edge")
    corners = rng.integers(0, 2 * most_px + 1, (len(crops), 2))
    windows = sliding_window_view(wide, (size_px, size_px), axis=(1, 2))
    return np.asarray(windows[np.arange(len(crops)), corners[:, 0], corners[:, 1]])


def _degrade(
    crops: NDArray[np.uint8], rng: np.random.Generator, config: AugmentationConfig
) -> NDArray[np.uint8]:
    """Scale about the middle, blur, and add camera noise, crop by crop."""
    n_crops, size_px = len(crops), crops.shape[1]
    scale = rng.uniform(*config.scale, n_crops)
    sigma_px = rng.uniform(*config.blur_sigma_px, n_crops)
    noise_sd = _per_crop(rng.uniform(*config.noise_sd, n_crops))
    middle = (size_px - 1) / 2
    worse = rng.standard_normal(crops.shape, dtype=np.float32) * noise_sd
    for index, crop in enumerate(crops):
        offset = middle * (1 - scale[index])
        matrix = np.array([[scale[index], 0, offset], [0, scale[index], offset]])
        scaled = cv2.warpAffine(crop, matrix, (size_px, size_px), borderMode=cv2.BORDER_REPLICATE)
        worse[index] += cv2.GaussianBlur(scaled, (0, 0), float(sigma_px[index]))
    return _as_grey(worse)


def _light(
    crops: NDArray[np.uint8], rng: np.random.Generator, config: AugmentationConfig
) -> NDArray[np.uint8]:
    """Change contrast and multiply by a tilted plane; saturation included."""
    n_crops, size_px = len(crops), crops.shape[1]
    contrast = _per_crop(rng.uniform(*config.contrast, n_crops))
    gain = _per_crop(rng.uniform(*config.gain, n_crops))
    slope = rng.uniform(-config.light_slope, config.light_slope, (n_crops, 2)).astype(np.float32)
    ramp = np.linspace(-1, 1, size_px, dtype=np.float32)
    plane = 1 + slope[:, :1, np.newaxis] * ramp[:, np.newaxis] + slope[:, 1:, np.newaxis] * ramp
    background = _per_crop(measure_crop_background(crops))
    lit = (background + contrast * (crops - background)) * (gain * plane)
    return _as_grey(lit)


def _as_grey(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.asarray(np.clip(np.rint(values), 0, 255).astype(np.uint8))


def _per_crop(values: NDArray[np.floating]) -> NDArray[np.float32]:
    return np.asarray(values, np.float32)[:, np.newaxis, np.newaxis]
