"""How a report writes values: in full words, times in UTC, a sign where a difference is meant."""

import datetime as dt
from typing import Final

from app.domain.outlets import CONSTRICTION_UM
from app.reports.content import (
    Exclusions,
    Identity,
    PopulationResult,
    ReportAcknowledgement,
    ReportContent,
    ReportStatus,
    Result,
)

STATUS: Final = {
    ReportStatus.PRELIMINARY: "PRELIMINARY – NOT RELEASED",
    ReportStatus.FINAL: "FINAL",
    ReportStatus.AMENDED: "AMENDED",
    ReportStatus.CORRECTED: "CORRECTED",
    ReportStatus.ENTERED_IN_ERROR: "WITHDRAWN",
    ReportStatus.CANCELLED: "NO SCORE",
    ReportStatus.REGISTERED: "NO SCORE YET",
}
CONTAINERS: Final = {
    "citrate_tube": "Citrate tube",
    "blood_bag": "Blood bag",
    "segment": "Segment",
    "plastic_tube": "Plastic tube",
}
POPULATIONS: Final = {
    "inside": "among the donors the model was trained on",
    "edge": "at the edge of the donors the model was trained on",
    "outside": "unseen donor, unlike those the model was trained on",
    "uncalibrated": "how near to the training donors cannot be judged",
}
HOLDOUTS: Final = {
    "donor": "on donors held out of training",
    "well": "on wells held out of training: the same donors",
    "cell": "on cells held out of training: the same donors and wells",
}
ACTS: Final = {
    "submit": "handed in",
    "send_back": "sent back",
    "release": "released",
    "reopen": "reopened",
    "amend": "amended",
    "withdraw": "withdrew",
}


def day_text(day: dt.date | None) -> str:
    return "not recorded" if day is None else f"{day:%-d %b %Y}"


def moment_text(moment: dt.datetime | None, *, seconds: bool = False) -> str:
    if moment is None:
        return "not recorded"
    clock = "%H:%M:%S" if seconds else "%H:%M"
    return f"{moment.astimezone(dt.UTC):%-d %b %Y, {clock}} UTC"


def score_text(score: float) -> str:
    return f"{score:.2f}"


def interval_text(interval: tuple[float, float]) -> str:
    return f"{interval[0]:.2f} to {interval[1]:.2f}"


def signed_text(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−") if abs(value) >= 0.005 else "0.00"


def percent_text(share: float, *, digits: int = 1) -> str:
    return f"{100 * share:.{digits}f}\u00a0%"


def counted_text(count: int, singular: str) -> str:
    shown = f"{count:,}".replace(",", "\u202f")
    return f"{shown} {singular if count == 1 else singular + 's'}"


def storage_text(identity: Identity) -> str:
    if identity.storage_day is None:
        return "unknown"
    return f"{identity.storage_day}" + ("" if identity.storage_day_is_derived else " (entered)")


def numbers_text(identity: Identity) -> str:
    """The order's number at either side and the site's own; empty without any."""
    named = {
        "order": identity.placer_order_number,
        "filler": identity.filler_order_number,
        **identity.local_identifiers,
    }
    return ", ".join(f"{name} {number}" for name, number in named.items() if number)


def population_text(population: PopulationResult) -> str:
    parts = [f"Donor: {POPULATIONS.get(population.standing, population.standing)}"]
    if population.distance is not None:
        limits = [
            f"{name} from {limit:.1f}"
            for name, limit in (
                ("edge", population.edge_from),
                ("outside", population.outside_from),
            )
            if limit is not None
        ]
        parts.append(f"distance {', '.join([f'{population.distance:.1f}', *limits])}")
    if population.nearest_donors:
        parts.append(f"nearest {', '.join(population.nearest_donors)}")
    if population.n_training_donors is not None:
        parts.append(f"of {counted_text(population.n_training_donors, 'training donor')}")
    return "; ".join(parts)


def replicates_text(result: Result) -> str:
    replicates = result.replicates
    if replicates is None:
        return "No replicate wells to compare"
    usual = "" if replicates.expected is None else f", usually below {replicates.expected:.2f}"
    return (
        f"Wells differ by {abs(replicates.difference):.2f}{usual}, limit {replicates.largest:.2f}"
    )


def interval_basis(result: Result) -> str:
    """What the interval was drawn over, and whether something is missing from it."""
    over = f"over {' and '.join(result.interval_resamples)}" if result.interval_resamples else ""
    bound = "a lower bound, see the findings" if result.interval_is_lower_bound else ""
    return "; ".join(part for part in (over, bound) if part)


def exclusion_text(one: Exclusions) -> str:
    counts = (
        (one.cells_excluded, "cell", "excluded"),
        (one.images_excluded, "image", "excluded"),
        (one.cells_restored, "cell", "restored"),
        (one.images_restored, "image", "restored"),
    )
    told = [f"{counted_text(count, noun)} {done}" for count, noun, done in counts if count]
    return f"{', '.join(told) or 'nothing'} by {one.corrected_by}"


def acknowledgement_text(one: ReportAcknowledgement) -> str:
    at = moment_text(one.acknowledged_at)
    # What the person said comes first: a long message is cut at its end.
    reason = one.reason.rstrip(".")
    return f"Acknowledged by {one.acknowledged_by}, {at}: {reason}. {one.message}"


def conditions_text(content: ReportContent) -> str:
    held = sum(condition.holds is True for condition in content.conditions)
    n_acknowledged = sum(condition.is_acknowledged for condition in content.conditions)
    return (
        f"{held} of {counted_text(len(content.conditions), 'condition')} of release held, "
        f"{n_acknowledged} acknowledged."
    )


def open_conditions(content: ReportContent) -> list[str]:
    """What stands in the way of release, in a report that is not released."""
    return [
        f"{condition.message} Bars release."
        for condition in content.conditions
        if condition.holds is not True and not condition.is_acknowledged
    ]


def crossing_text(score: float) -> str:
    """The constriction at the score, between the two outlets around it."""
    lower = min(max(int(score), 1), 11)
    width_um = CONSTRICTION_UM[lower]
    width_um += (score - lower) * (CONSTRICTION_UM[lower + 1] - width_um)
    return f"Half the cells pass a constriction of {width_um:.2f} µm"
