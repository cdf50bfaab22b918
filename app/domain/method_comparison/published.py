"""The ten published donors: the first pairs anybody compared, and an example to try uploads with.

References
----------
Lamoureux et al., Lab on a Chip 22 (2022) 26-39, table 3: scores by the device and by the image.
"""

from dataclasses import dataclass
from typing import Final

from app.domain.method_comparison.pairs import Pairs

NETWORK: Final = "published network"
SOURCE: Final = "Lab on a Chip 22 (2022) 26-39, table 3"


@dataclass(frozen=True)
class PublishedDonor:
    """Both scores of one donor, in outlet numbers, and the days the blood was stored."""

    number: int
    storage_day: int
    reference_score: float
    image_score: float


DONORS: Final = tuple(
    PublishedDonor(number, *row)
    for number, row in enumerate(
        (
            (0, 3.27, 3.19), (12, 2.47, 2.66), (1, 2.96, 2.84), (2, 3.50, 3.41), (2, 3.15, 3.18),
            (3, 2.96, 3.05), (0, 3.47, 3.24), (9, 2.77, 2.75), (0, 3.27, 3.22), (23, 3.25, 3.11),
        ),
        start=1,
    )
)  # fmt: skip


def published_pairs() -> Pairs:
    """The ten donors as pairs."""
    return Pairs.of(
        [donor.reference_score for donor in DONORS], [donor.image_score for donor in DONORS]
    )
