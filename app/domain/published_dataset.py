"""The published image set: which images there are, and how its folders say what they show.

References
----------
Lamoureux et al., Data in Brief 47 (2023) 108928, tables 1 and 2; images at doi 10.20383/103.0589.
Lamoureux et al., Lab on a Chip 22 (2022) 26-39, table 3.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from app.domain.outlets import OUTLETS

DOI: Final = "10.20383/103.0589"
UNSORTED: Final = None
"""The outlet of a well whose cells were not sorted."""

_UNSORTED_ROW: Final = 0
_IMAGES: Final[Mapping[int, Mapping[int, tuple[int, ...]]]] = {
    1: {3: (124, 129), 4: (108, 70)},
    2: {2: (86, 93), 3: (66, 92), 4: (75, 91), _UNSORTED_ROW: (82,)},
    3: {2: (79, 90), 3: (81, 79), 4: (80, 82), 5: (100, 119), _UNSORTED_ROW: (77, 88)},
    4: {3: (92, 103), 4: (69, 104), 5: (87, 102), _UNSORTED_ROW: (70, 74)},
    5: {3: (90, 94), 4: (102, 86)},
    6: {2: (98, 94), 3: (124, 100), 4: (99, 116), 5: (92, 98)},
    7: {3: (107, 107), 4: (102, 102), 5: (132, 145)},
    8: {2: (82, 133), 3: (102, 128), 4: (118, 96), 5: (119, 87)},
    9: {3: (123, 113), 4: (119, 123)},
    10: {3: (121, 101), 4: (109, 117), 5: (113, 107)},
}


@dataclass(frozen=True, order=True)
class WellPlace:
    """A well of the image set: donor 1 to 10, outlet 1 to 12 or None for unsorted, number from 1.

    Sorts by donor, then outlet with unsorted wells last, then number.
    """

    donor: int
    outlet_order: int
    number: int

    @classmethod
    def of(cls, donor: int, outlet: int | None, number: int) -> "WellPlace":
        return cls(donor, max(OUTLETS) + 1 if outlet is None else outlet, number)

    @property
    def outlet(self) -> int | None:
        return self.outlet_order if self.outlet_order in OUTLETS else UNSORTED

    @property
    def name(self) -> str:
        content = "unsorted" if self.outlet is None else f"outlet {self.outlet}"
        return f"donor {self.donor}, {content}, well {self.number}"


PUBLISHED_IMAGES: Final[Mapping[WellPlace, int]] = {
    WellPlace.of(donor, outlet or UNSORTED, number): count
    for donor, by_outlet in _IMAGES.items()
    for outlet, counts in by_outlet.items()
    for number, count in enumerate(counts, start=1)
}
"""Images of each published well (Data in Brief, table 1)."""


@dataclass(frozen=True)
class PublishedFit:
    """What the paper's network reached within one donor (Lab on a Chip, table 3), in percent."""

    outlets: tuple[int, ...]
    train_percent: int
    validation_percent: int
    test_percent: int
    is_fresh_tube: bool
    """Citrate tube rather than a blood bag."""


PUBLISHED_FITS: Final[Mapping[int, PublishedFit]] = {
    1: PublishedFit((3, 4), 92, 93, 92, is_fresh_tube=True),
    2: PublishedFit((2, 3, 4), 96, 95, 95, is_fresh_tube=True),
    3: PublishedFit((2, 3, 4, 5), 86, 83, 84, is_fresh_tube=False),
    4: PublishedFit((3, 4, 5), 99, 96, 83, is_fresh_tube=False),
    5: PublishedFit((3, 4), 86, 84, 82, is_fresh_tube=False),
    6: PublishedFit((2, 3, 4, 5), 76, 67, 64, is_fresh_tube=False),
    7: PublishedFit((3, 4, 5), 85, 75, 71, is_fresh_tube=True),
    8: PublishedFit((2, 3, 4, 5), 80, 68, 66, is_fresh_tube=False),
    9: PublishedFit((3, 4), 96, 93, 95, is_fresh_tube=True),
    10: PublishedFit((3, 4, 5), 87, 83, 81, is_fresh_tube=False),
}

_DONOR: Final = re.compile(r"donor[\s_.-]*0*(\d{1,2})(?!\d)", re.IGNORECASE)
_OUTLET: Final = re.compile(r"outlet[\s_.-]*0*(\d{1,2})(?!\d)", re.IGNORECASE)
_WELL: Final = re.compile(r"well[\s_.-]*0*(\d{1,2})(?!\d)", re.IGNORECASE)
_UNSORTED: Final = re.compile(r"un[\s_-]?sorted", re.IGNORECASE)


def place_of(parts: Sequence[str]) -> WellPlace | None:
    """Read donor, outlet and well from the names on an image's way; None where one is missing.

    Parameters
    ----------
    parts
        Names of archive, folders and file, outermost first; a later name overrules an earlier
        one. ``Donor 3.zip``, ``Outlet_4``, ``well 2``, ``unsorted`` and any of them in one name.
    """
    donor = _last_number(_DONOR, parts)
    number = _last_number(_WELL, parts)
    outlet = _last_number(_OUTLET, parts)
    is_unsorted = any(_UNSORTED.search(part) for part in parts)
    if donor is None or number is None or (outlet is None) != is_unsorted:
        return None
    if outlet is not None and outlet not in OUTLETS:
        return None
    return WellPlace.of(donor, outlet, number)


def _last_number(pattern: re.Pattern[str], parts: Sequence[str]) -> int | None:
    found = [match for part in parts for match in pattern.findall(part)]
    return int(found[-1]) if found else None


@dataclass(frozen=True)
class WellCount:
    """Images found of a well, and how many were published; None: no such well was published."""

    place: WellPlace
    found: int
    published: int | None

    @property
    def is_as_published(self) -> bool:
        return self.found == self.published


def compare_counts(found: Mapping[WellPlace, int]) -> tuple[WellCount, ...]:
    """Hold the images found against table 1: every published well, and every other one found."""
    places: Iterable[WellPlace] = sorted(PUBLISHED_IMAGES.keys() | found.keys())
    return tuple(
        WellCount(place, found.get(place, 0), PUBLISHED_IMAGES.get(place)) for place in places
    )
