"""What a donor score must say beside its number: what was left out, what its interval lacks."""

from app.domain.quality import Finding, Level
from app.domain.well_effects import FEWEST_DEGREES, ReplicateRange, WellSpread


def report_left_out(well: str, n_images: int, needed: int) -> Finding:
    """A well with too few images, or one without a cell."""
    lacks = (
        f"{n_images} usable images of {needed} needed"
        if n_images < needed
        else f"no accepted cell in its {n_images} images"
    )
    return Finding(
        "well_left_out",
        Level.WARNING,
        float(n_images),
        float(needed),
        f"{well} has {lacks} and is left out; add images to include it.",
    )


def report_interval(history: WellSpread | None, *, is_error_known: bool) -> tuple[Finding, ...]:
    """Say what the interval rests on.

    Parameters
    ----------
    history
        Of this laboratory's wells.
    is_error_known
        Whether the model's error was measured over enough donors it has not seen.
    """
    findings = [_report_wells(history)]
    if not is_error_known:
        findings.append(
            Finding(
                "model_error_unknown",
                Level.WARNING,
                None,
                None,
                "The model's error over donors is not known, since it was not measured on five "
                "donors or more: read the interval as a lower bound.",
            )
        )
    return tuple(findings)


def _report_wells(history: WellSpread | None) -> Finding:
    degrees = 0 if history is None else history.degrees_of_freedom
    if history is not None and history.is_enough:
        return Finding(
            "wells_from_history",
            Level.INFO,
            history.between_sd,
            None,
            f"The interval takes the spread between wells, SD {history.between_sd:.2f}, from this "
            f"laboratory's earlier samples ({degrees} degrees of freedom).",
        )
    return Finding(
        "interval_is_lower_bound",
        Level.WARNING,
        float(degrees),
        float(FEWEST_DEGREES),
        "The interval is a lower bound, since it is not known yet how far replicate wells differ "
        f"in this laboratory: {degrees} of {FEWEST_DEGREES} comparisons are there, and each scored "
        "sample with two wells adds one.",
    )


def report_replicates(replicates: ReplicateRange | None) -> tuple[Finding, ...]:
    """Wells further apart than usual, though not beyond the limit."""
    if replicates is None or replicates.expected is None or replicates.disagree:
        return ()
    if abs(replicates.difference) <= replicates.expected:
        return ()
    return (
        Finding(
            "wells_far_apart",
            Level.WARNING,
            abs(replicates.difference),
            replicates.expected,
            f"Replicate wells differ by {abs(replicates.difference):.2f}; 95 % of samples differ "
            f"by less than {replicates.expected:.2f}. Look for light, focus or mixing that differs "
            "between the wells.",
        ),
    )


def report_clipped(unclipped: float) -> Finding:
    """A corrected share that came out beyond what a share can be."""
    end = 0.0 if unclipped < 0 else 1.0
    return Finding(
        "share_clipped",
        Level.WARNING,
        unclipped,
        end,
        f"The corrected share deformable came out at {100 * unclipped:.1f} % and was cut to "
        f"{100 * end:.0f} %: the model errs less, or otherwise, on this donor than on those it was "
        "measured on; compare with a sort.",
    )
