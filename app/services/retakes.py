"""Advice while the plate may still be on the stage: which wells to take again, and why."""

import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.services.images import ImageView

FEWEST_IMAGES: Final = 5
"""Judged images of a well before anything is said of it."""
SMALLEST_SHARE: Final = 0.25
"""Share of a well's judged images with one fault that is the well's, not an image's."""
LEFT_OUT_SHARE: Final = 0.5
"""A third of the field is named if this much of it is left out, and twice as much as elsewhere."""
FAULTS: Final = {
    "out_of_focus": ("out of focus", "refocus"),
    "partly_out_of_focus": ("out of focus", "level the stage and refocus"),
    "outside_well": ("partly outside the well", "move towards the middle of the well"),
    "under_exposed": ("too dark", "raise the exposure"),
    "over_exposed": ("too bright", "lower the exposure"),
    "uneven_light": ("lit too unevenly", "centre the condenser"),
    "wrong_modality": ("not images of single red cells", "check the sample and the light path"),
    "empty": ("without cells", "check that the well is filled"),
}
"""What a finding says of a whole well, and what to do before taking it again."""


@dataclass(frozen=True)
class RetakeAdvice:
    """One sentence on one well: how many images share a fault, where in the field, what to do."""

    well_id: uuid.UUID
    well_name: str
    message: str


def advise_retakes(images: Sequence[ImageView]) -> list[RetakeAdvice]:
    """For each well, at most one piece of advice: on the fault that most of its images share."""
    wells = dict.fromkeys((image.well_id, image.well_name) for image in images)
    advice = (
        RetakeAdvice(well_id, name, message)
        for well_id, name in wells
        if (message := _advise([one for one in images if one.well_id == well_id], name))
    )
    return list(advice)


def _advise(images: Sequence[ImageView], name: str) -> str | None:
    judged = [image for image in images if image.found_verdict != "pending"]
    faults = Counter(fault for image in judged for fault in _faults(image))
    if len(judged) < FEWEST_IMAGES or not faults:
        return None
    fault, count = faults.most_common(1)[0]
    if count < SMALLEST_SHARE * len(judged):
        return None
    faulty = [image for image in judged if fault in _faults(image)]
    remedy = next(do for code, (said, do) in FAULTS.items() if said == fault and _has(faulty, code))
    where = _place([image for image in faulty if image.usable_mask is not None])
    return (
        f"{name}: {count} of {len(judged)} images are {fault}{where}; {remedy} and take the well "
        "again while the plate is on the stage."
    )


def _faults(image: ImageView) -> set[str]:
    """In the words of the advice; a note that takes nothing away is no fault."""
    codes = {finding.code for finding in image.findings if finding.level != "info"}
    return {FAULTS[code][0] for code in codes & FAULTS.keys()}


def _has(images: Sequence[ImageView], code: str) -> bool:
    return any(finding.code == code for image in images for finding in image.findings)


def _place(images: Sequence[ImageView]) -> str:
    """Name the third of the field that is left out most, if it is one and the same."""
    if not images:
        return ""
    thirds = np.mean([_left_out_thirds(image) for image in images], axis=0)
    for shares, names in zip(thirds, (("upper", "lower"), ("left", "right")), strict=True):
        for share, other, side in (
            (shares[0], shares[2], names[0]),
            (shares[2], shares[0], names[1]),
        ):
            if share >= LEFT_OUT_SHARE and share >= 2 * max(other, shares[1]):
                return f" on the {side} third"
    return ""


def _left_out_thirds(image: ImageView) -> NDArray[np.float64]:
    """Shares left out of the upper, middle, lower and of the left, middle, right third: (2, 3)."""
    assert image.usable_mask is not None
    left_out = np.array([[square == "0" for square in row] for row in image.usable_mask])
    by_axis = [np.array_split(left_out, 3, axis=axis) for axis in (0, 1)]
    return np.array([[float(third.mean()) for third in thirds] for thirds in by_axis])
