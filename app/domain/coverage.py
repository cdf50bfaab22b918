"""Which donor has sorted cells of which outlet in which well, and what that lets a network learn.

Light and focus are set well by well. Where a class is one outlet, or an outlet one well, a network
may learn the light instead of the cell, and nothing in its figures would tell.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from app.domain.outlets import IMAGED_OUTLETS, DeformabilityClass, class_of
from app.domain.quality import Finding, Level

FEWEST_DONORS_FOR_FOLDS: Final = 3
FEWEST_DONORS_FOR_INTERVAL: Final = 5
FEWEST_CELLS: Final = 50
"""Of one donor and outlet; fewer are shown very often and say little."""


@dataclass(frozen=True)
class SortedWell:
    """A sorted well and its accepted cells."""

    donor: str
    outlet: int
    well: str
    n_cells: int


@dataclass(frozen=True)
class CoverageRow:
    """One donor's wells by outlet, in the order of `Coverage.outlets`."""

    donor: str
    wells: tuple[tuple[SortedWell, ...], ...]


@dataclass(frozen=True)
class Coverage:
    """Donor by outlet by well.

    Attributes
    ----------
    outlets
        All that occur, and those that train whether they occur or not; ascending.
    excluded_outlets
        Those among them whose cells do not train.
    """

    outlets: tuple[int, ...]
    excluded_outlets: tuple[int, ...]
    rows: tuple[CoverageRow, ...]
    warnings: tuple[Finding, ...]

    @property
    def usable(self) -> tuple[SortedWell, ...]:
        """The wells whose cells train."""
        return tuple(
            well
            for row in self.rows
            for outlet, wells in zip(self.outlets, row.wells, strict=True)
            for well in wells
            if outlet in IMAGED_OUTLETS and well.n_cells
        )


def describe_coverage(wells: Sequence[SortedWell]) -> Coverage:
    """Lay the wells out and say what to expect of them; warnings, most general first."""
    donors = sorted({well.donor for well in wells})
    outlets = tuple(sorted({well.outlet for well in wells} | set(IMAGED_OUTLETS)))
    rows = tuple(
        CoverageRow(donor, tuple(_wells_of(wells, donor, outlet) for outlet in outlets))
        for donor in donors
    )
    excluded = tuple(outlet for outlet in outlets if outlet not in IMAGED_OUTLETS)
    usable = [well for well in wells if well.outlet in IMAGED_OUTLETS and well.n_cells]
    warnings = (*_excluded(excluded), *_warnings(usable))
    return Coverage(outlets, excluded, rows, warnings)


def _wells_of(wells: Iterable[SortedWell], donor: str, outlet: int) -> tuple[SortedWell, ...]:
    here = [well for well in wells if well.donor == donor and well.outlet == outlet]
    return tuple(sorted(here, key=lambda well: well.well))


def _excluded(outlets: tuple[int, ...]) -> tuple[Finding, ...]:
    if not outlets:
        return ()
    return (
        _warning(
            "outlet_excluded",
            f"Cells of {_named(outlets)} are left out: only outlets 2 to 5 hold enough cells to "
            "learn from.",
            level=Level.INFO,
        ),
    )


def _warnings(usable: Sequence[SortedWell]) -> list[Finding]:
    donors = sorted({well.donor for well in usable})
    return [
        *_few_donors(len(donors)),
        *_single_outlet_classes(usable),
        *(finding for donor in donors for finding in _donor_warnings(usable, donor)),
    ]


def _few_donors(n_donors: int) -> list[Finding]:
    if n_donors >= FEWEST_DONORS_FOR_INTERVAL:
        return []
    too_few = n_donors < FEWEST_DONORS_FOR_FOLDS
    say = (
        f"{FEWEST_DONORS_FOR_FOLDS} are needed to hold donors out"
        if too_few
        else f"under {FEWEST_DONORS_FOR_INTERVAL} no interval over donors can be given"
    )
    return [
        _warning("few_donors", f"{n_donors} {_plural(n_donors, 'donor')}: {say}.", value=n_donors)
    ]


def _single_outlet_classes(usable: Sequence[SortedWell]) -> list[Finding]:
    findings = []
    for name in DeformabilityClass:
        outlets = sorted({well.outlet for well in usable if class_of(well.outlet) is name})
        if len(outlets) == 1:
            findings.append(
                _warning(
                    "class_single_outlet",
                    f"All {name} cells come from outlet {outlets[0]}: a network cannot tell the "
                    "class from that outlet's light. Add another outlet.",
                )
            )
        if not outlets:
            findings.append(
                _warning("class_missing", f"There are no {name} cells; add outlets of that class.")
            )
    return findings


def _donor_warnings(usable: Sequence[SortedWell], donor: str) -> list[Finding]:
    own = [well for well in usable if well.donor == donor]
    by_outlet = {n: [well for well in own if well.outlet == n] for n in IMAGED_OUTLETS}
    return [
        *_outlet_findings(
            "outlet_missing",
            donor,
            [outlet for outlet, wells in by_outlet.items() if not wells],
            "has no cells of {}; that donor says nothing there",
        ),
        *_outlet_findings(
            "one_well_per_outlet",
            donor,
            [outlet for outlet, wells in by_outlet.items() if len(wells) == 1],
            "has one well of {}: its light cannot be told from the outlet. Image a second well",
        ),
        *_outlet_findings(
            "few_cells",
            donor,
            [n for n, wells in by_outlet.items() if 0 < _total(wells) < FEWEST_CELLS],
            f"has fewer than {FEWEST_CELLS} cells of {{}}; add images",
        ),
    ]


def _outlet_findings(code: str, donor: str, outlets: Sequence[int], say: str) -> list[Finding]:
    if not outlets:
        return []
    return [_warning(code, f"Donor {donor} {say.format(_named(outlets))}.")]


def _total(wells: Sequence[SortedWell]) -> int:
    return sum(well.n_cells for well in wells)


def _named(outlets: Sequence[int]) -> str:
    *others, last = [str(outlet) for outlet in outlets]
    return f"outlets {', '.join(others)} and {last}" if others else f"outlet {last}"


def _plural(count: int, noun: str) -> str:
    return noun if count == 1 else f"{noun}s"


def _warning(
    code: str, message: str, *, value: float | None = None, level: Level = Level.WARNING
) -> Finding:
    return Finding(code, level, value, None, message)
