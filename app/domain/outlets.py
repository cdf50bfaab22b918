"""The outlets of the microfluidic ratchet device. Lower outlet = more deformable."""

from enum import StrEnum
from typing import Final

OUTLETS: Final = tuple(range(1, 13))

CONSTRICTION_UM: Final = dict(
    zip(
        OUTLETS,
        (1.50, 1.75, 2.00, 2.25, 2.50, 2.75, 3.00, 3.25, 3.50, 4.50, 5.50, 7.50),
        strict=True,
    )
)
"""Smallest constriction passed, µm, by outlet (Lamoureux et al. 2023)."""

IMAGED_OUTLETS: Final = (2, 3, 4, 5)
"""The outlets that hold more than 99 % of the cells of the ten published donors."""

PUBLISHED_MIX: Final = {2: 0.05, 3: 0.39, 4: 0.47, 5: 0.09}
"""Share of the cells of all ten published donors in each of these outlets."""

LAST_DEFORMABLE_OUTLET: Final = 3


CROSSING_METHOD: Final = "constriction-at-score/1"


def constriction_at(score: float) -> float:
    """Constriction at a rigidity score, µm, linear between the outlets around it."""
    lower = min(max(int(score), 1), 11)
    width_um = CONSTRICTION_UM[lower]
    return width_um + (score - lower) * (CONSTRICTION_UM[lower + 1] - width_um)


class DeformabilityClass(StrEnum):
    DEFORMABLE = "deformable"
    RIGID = "rigid"


def class_of(outlet: int) -> DeformabilityClass:
    """Deformable is outlets 1-3, rigid 4-12."""
    if outlet not in CONSTRICTION_UM:
        raise ValueError(f"outlet {outlet} is not one of 1 to 12")
    if outlet <= LAST_DEFORMABLE_OUTLET:
        return DeformabilityClass.DEFORMABLE
    return DeformabilityClass.RIGID
