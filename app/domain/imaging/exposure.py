"""Brightness of a scan: exposure and evenness of the light."""

import cv2
import numpy as np
from numpy.typing import NDArray

from app.domain.imaging.flattening import FlatField
from app.domain.imaging.parameters import ImagingParameters
from app.domain.quality import Finding, Level

UNDER_EXPOSED = "under_exposed"
_SAMPLED_EVERY_PX = 3
_WASHED_OUT = 0.5
"""Share of saturated pixels above which there is nothing left to tell."""


def check_exposure(
    image: NDArray[np.uint8], field: FlatField, parameters: ImagingParameters
) -> tuple[Finding, ...]:
    """Find an image too dark or too bright to tell cells apart.

    Parameters
    ----------
    image
        Shape (H, W).
    """
    middle = float(np.median(field.background[::2, ::2]))
    sample = image[::_SAMPLED_EVERY_PX, ::_SAMPLED_EVERY_PX]
    saturated = float(np.count_nonzero(sample == 255) / sample.size)
    findings = []
    if middle < parameters.darkest_background:
        findings.append(_dark(middle, parameters.darkest_background))
    if middle > parameters.brightest_background or saturated > parameters.largest_saturated_share:
        findings.append(_bright(saturated, parameters.largest_saturated_share))
    return tuple(findings)


def is_hopeless(exposure: tuple[Finding, ...]) -> bool:
    """Tell whether an image is so dark or so washed out that its content cannot be told."""
    return any(
        finding.code == UNDER_EXPOSED or (finding.value or 0.0) > _WASHED_OUT
        for finding in exposure
    )


def _dark(value: float, limit: float) -> Finding:
    return Finding(
        UNDER_EXPOSED,
        Level.REJECT,
        round(value, 1),
        limit,
        f"The image is too dark (background grey {value:.0f}, at least {limit:.0f} needed); "
        "raise the exposure and take it again.",
    )


def _bright(value: float, limit: float) -> Finding:
    return Finding(
        "over_exposed",
        Level.REJECT,
        round(value, 4),
        limit,
        f"The image is too bright ({value:.1%} of its pixels are saturated, at most {limit:.1%} "
        "allowed); lower the exposure and take it again.",
    )


def check_light(
    field: FlatField, usable: NDArray[np.bool_], parameters: ImagingParameters
) -> tuple[Finding, ...]:
    """Find light that falls off too much over the usable area to be corrected.

    Parameters
    ----------
    usable
        Coarse mask; without any usable place nothing is found.
    """
    size = (usable.shape[1], usable.shape[0])
    coarse = cv2.resize(field.background, size, interpolation=cv2.INTER_AREA)
    if not usable.any():
        return ()
    dark, bright = np.quantile(coarse[usable], [0.01, 0.99])
    ratio = float(bright / dark)
    if ratio <= parameters.largest_light_ratio:
        return ()
    return (
        Finding(
            "uneven_light",
            Level.REJECT,
            round(ratio, 2),
            parameters.largest_light_ratio,
            f"The light is too uneven (brightest to darkest background {ratio:.1f}, at most "
            f"{parameters.largest_light_ratio:.1f}); centre the condenser and take it again.",
        ),
    )
