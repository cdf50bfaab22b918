"""Charts as SVG text from domain values, for pages and PDF."""

from app.charts.scores import (
    Estimate,
    cumulated,
    cumulative_curves,
    outlets_on_scale,
    score_scale,
    tiny_scale,
    well_strip,
)

__all__ = [
    "Estimate", "cumulated", "cumulative_curves", "outlets_on_scale", "score_scale",
    "tiny_scale", "well_strip",
]  # fmt: skip
