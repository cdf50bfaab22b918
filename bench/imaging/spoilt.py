"""Planted bad images: what was done to a good one, and the reason that is right for it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from app.domain.quality import Verdict
from app.domain.synthetic.donors import draw_donor, draw_well_look
from app.domain.synthetic.faults import REASONS, Fault
from app.domain.synthetic.images import TrueImage, draw_image

Pixels = NDArray[np.uint8]
CURVE_SIGMAS_PX: Final = (1.0, 1.5, 2.0, 2.5, 3.0)
BLUR_SIGMAS_PX: Final = (3.0, 4.0, 6.0)
DRAWN_FAULTS: Final[tuple[Fault, ...]] = ("outside_well", "wall", "too_bright", "too_dark", "empty")
HALF_BLURRED: Final = "half of it blurred"
DARKEST_LIGHT: Final = (0.25, 0.4)
"""Light at the dark end of a planted gradient, as a share of the light at the other."""
_SEED: Final = 9000
_OUTLETS: Final = (None, 2, 3, 4, 5)


@dataclass(frozen=True, kw_only=True, eq=False)
class PlantedImage:
    """A bad image.

    Attributes
    ----------
    verdict
        The mildest verdict that catches it.
    """

    fault: str
    pixels: Pixels
    reason: str
    verdict: Verdict = Verdict.REJECTED


def draw_good(number: int, *, fault: Fault | None = None) -> TrueImage:
    """An image of the published look, of a donor and well of its own, 40 to 350 cells."""
    donor = draw_donor(f"PLANTED{number}", _SEED + number)
    outlet = _OUTLETS[number % 5]
    well = draw_well_look(donor, outlet=outlet, well=1 + number % 2)
    return draw_image(donor, well, outlet=outlet, number=number, seed=_SEED, fault=fault)


def blur(pixels: Pixels, sigma_px: float) -> Pixels:
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), sigma_px), np.uint8)


def blur_half(pixels: Pixels) -> Pixels:
    half = pixels.shape[1] // 2
    return np.hstack([pixels[:, :half], blur(pixels, BLUR_SIGMAS_PX[-1])[:, half:]])


def shade(pixels: Pixels, number: int) -> Pixels:
    """Light that falls off from one end to the other, in a direction of its own."""
    rng = np.random.default_rng(_SEED + number)
    darkest, angle = rng.uniform(*DARKEST_LIGHT), rng.uniform(0, 2 * np.pi)
    rows, columns = (np.linspace(-0.5, 0.5, side) for side in pixels.shape)
    along = rows[:, None] * np.sin(angle) + columns * np.cos(angle)
    share = (along - along.min()) / (along.max() - along.min())
    return np.asarray(pixels * (darkest + (1.1 - darkest) * share).clip(0, 1), np.uint8)


def planted_images(number: int, good: Pixels) -> Iterator[PlantedImage]:
    """One image of each fault, those of focus and light made of a good image."""
    for sigma_px in BLUR_SIGMAS_PX:
        yield PlantedImage(
            fault=f"blur σ {sigma_px:g} px", pixels=blur(good, sigma_px), reason="out_of_focus"
        )
    yield PlantedImage(
        fault=HALF_BLURRED,
        pixels=blur_half(good),
        reason="partly_out_of_focus",
        verdict=Verdict.PARTLY,
    )
    yield PlantedImage(fault="gradient", pixels=shade(good, number), reason="uneven_light")
    for fault in DRAWN_FAULTS:
        yield PlantedImage(
            fault=fault.replace("_", " "),
            pixels=draw_good(number, fault=fault).pixels,
            reason=REASONS[fault],
            verdict=Verdict.PARTLY if fault == "wall" else Verdict.REJECTED,
        )
