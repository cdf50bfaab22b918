"""The kinds of work, and for each its queue, lease, deadline, attempts and default priority."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Queue(StrEnum):
    """Each has its own worker processes, so that training never delays an image."""

    SCANS = "scans"
    BACKGROUND = "background"
    OUTBOUND = "outbound"
    TRAINING = "training"


class JobKind(StrEnum):
    INSPECT_IMAGE = "inspect_image"
    CLASSIFY_IMAGE = "classify_image"
    SCORE_ANALYSIS = "score_analysis"
    MAKE_DEMONSTRATION = "make_demonstration"
    TRAIN = "train"
    PREVIEW_IMPACT = "preview_impact"
    CHECK_CONTROL = "check_control"
    DELIVER = "deliver"


@dataclass(frozen=True, kw_only=True)
class Limits:
    queue: Queue
    deadline_seconds: int
    """No attempt may last longer; its lease is not renewed and its process is killed."""
    priority: int = 0
    """Smaller is sooner."""
    lease_seconds: int = 20
    """Without a renewal the job is given to another worker after this time."""
    max_attempts: int = 3


# Finishing what was begun comes first: a score before a classification before a new image.
LIMITS: Mapping[JobKind, Limits] = MappingProxyType(
    {
        JobKind.INSPECT_IMAGE: Limits(queue=Queue.SCANS, deadline_seconds=120),
        JobKind.CLASSIFY_IMAGE: Limits(queue=Queue.SCANS, deadline_seconds=120, priority=-5),
        JobKind.SCORE_ANALYSIS: Limits(queue=Queue.SCANS, deadline_seconds=120, priority=-10),
        JobKind.MAKE_DEMONSTRATION: Limits(queue=Queue.BACKGROUND, deadline_seconds=1800),
        JobKind.TRAIN: Limits(queue=Queue.TRAINING, deadline_seconds=24 * 3600),
        JobKind.CHECK_CONTROL: Limits(queue=Queue.SCANS, deadline_seconds=120, priority=-20),
        JobKind.PREVIEW_IMPACT: Limits(queue=Queue.BACKGROUND, deadline_seconds=3600),
        JobKind.DELIVER: Limits(queue=Queue.OUTBOUND, deadline_seconds=300),
    }
)
