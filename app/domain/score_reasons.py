"""Why there is no donor score: what is missing, or what does not fit together."""

from app.domain.donor_score import (
    NO_UNSORTED_WELL,
    DonorScore,
    Reason,
    Requirements,
    WellCells,
    usable_wells,
)


def missing_for_score(wells: tuple[WellCells, ...], needs: Requirements) -> tuple[Reason, ...]:
    """The reasons why these wells give no donor score; empty when they do."""
    if not wells:
        return (NO_UNSORTED_WELL,)
    enough = usable_wells(wells, needs)
    if len(enough) >= needs.min_wells:
        return _missing_cells(enough, needs)
    short = tuple(_missing_images(well, needs) for well in wells if well not in enough)
    if len(wells) >= needs.min_wells:
        return short
    lacking = needs.min_wells - len(wells)
    few = Reason(
        "too_few_wells",
        f"needs {lacking} more unsorted {'well' if lacking == 1 else 'wells'}",
        missing=lacking,
    )
    return (few, *short)


def _missing_images(well: WellCells, needs: Requirements) -> Reason:
    missing = needs.min_images_per_well - well.n_images
    if missing <= 0:
        return Reason("too_few_cells", f"needs accepted cells in {well.name}", well.name)
    noun = "image" if missing == 1 else "images"
    return Reason(
        "too_few_images", f"needs {missing} more {noun} in {well.name}", well.name, missing
    )


def _missing_cells(wells: tuple[WellCells, ...], needs: Requirements) -> tuple[Reason, ...]:
    missing = needs.min_cells - sum(len(well.p_outlet) for well in wells)
    if missing <= 0:
        return ()
    return (Reason("too_few_cells", f"needs {missing} more accepted cells", missing=missing),)


def reasons_to_withhold(score: DonorScore) -> tuple[Reason, ...]:
    """Why a score that was computed must not be given: its wells disagree."""
    replicates = score.replicates
    if replicates is None or not replicates.disagree:
        return ()
    return (
        Reason(
            "wells_disagree",
            f"the unsorted wells' scores differ by {abs(replicates.difference):.2f}, more than "
            f"{replicates.largest:.2f}; look for a mix-up, light or focus, and take one again",
        ),
    )
