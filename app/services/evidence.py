"""The evidence behind a result, gathered from the rows as they are now."""

import datetime as dt
import json
import uuid
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from app.db.queries import evidence as queries
from app.db.queries.evidence import ImageRow
from app.db.tables import (
    Analysis,
    Correction,
    Donor,
    ModelVersion,
    ReferenceMeasurement,
    Sample,
    Score,
)
from app.domain.evidence import Evidence


def gather_evidence(
    session: Session, analysis: Analysis, *, signed: Mapping[str, Any] | None = None
) -> Evidence:
    """Everything the result of an analysis rests on.

    With `signed`, an earlier evidence of the same analysis, only what it named is read again:
    corrections and references that came later do not make it untrue.
    """
    session.flush()
    session.expire_all()
    sample = session.get_one(Sample, analysis.sample_id)
    rows = queries.images_of_analysis(session, analysis.id)
    return Evidence(
        {
            "identity": _identity(sample, session.get_one(Donor, sample.donor_id)),
            "images": [_image(row) for row in rows],
            "exclusions": _exclusions(session, rows, _ids(signed, "exclusions", "corrections")),
            "model": _model(session.get_one(ModelVersion, analysis.model_version_id)),
            "parameters": _parameters(analysis, rows),
            "score": _score(session.get(Score, analysis.id)),
            "reference": _references(session, sample, _ids(signed, "reference", None)),
        }
    )


def read_evidence(text: str) -> dict[str, Any]:
    """The parts as they were signed."""
    values: dict[str, Any] = json.loads(text)
    return values


def _ids(
    signed: Mapping[str, Any] | None, part: str, member: str | None
) -> frozenset[uuid.UUID] | None:
    if signed is None:
        return None
    items = signed[part] if member is None else signed[part][member]
    return frozenset(uuid.UUID(item["id"]) for item in items)


def _identity(sample: Sample, donor: Donor) -> dict[str, Any]:
    return {
        "sample_id": str(sample.id),
        "donor_code": donor.code,
        "din": sample.din,
        "accession_number": sample.accession_number,
        "container": sample.container,
        "additive": sample.additive,
        "collected_on": _iso(sample.collected_on),
        "sampled_at": _iso(sample.sampled_at),
        "storage_day": sample.storage_day,
        "is_demonstration": sample.is_demonstration,
    }


def _image(row: ImageRow) -> dict[str, Any]:
    image, well, profile = row
    return {
        "sha256": image.sha256,
        "well_id": str(well.id),
        "outlet": well.outlet,
        "number": well.number,
        "position": well.position,
        "um_per_px": profile.um_per_px,
    }


def _exclusions(
    session: Session, rows: Sequence[ImageRow], only: Collection[uuid.UUID] | None
) -> dict[str, Any]:
    image_ids = [image.id for image, _, _ in rows]
    n_cells, digest = queries.digest_of_cells(session, image_ids)
    words = queries.corrections_of_images(session, image_ids)
    return {
        "verdicts": {image.sha256: image.verdict for image, _, _ in rows},
        "cells": {"n": n_cells, "sha256": digest},
        "corrections": [_correction(word) for word in words if only is None or word.id in only],
        "in_force_as_corrected": not queries.has_verdict_without_word(session, image_ids),
    }


def _correction(word: Correction) -> dict[str, Any]:
    return {
        "id": str(word.id),
        "image_id": str(word.image_id),
        "cell_id": None if word.cell_id is None else str(word.cell_id),
        "before": word.verdict_before,
        "after": word.verdict_after,
        "reason": word.reason,
        "by": word.created_by,
        "at": _iso(word.created_at),
    }


def _model(version: ModelVersion) -> dict[str, Any]:
    return {
        "id": str(version.id),
        "name": version.name,
        "sha256": version.sha256,
        "is_demonstration": version.is_demonstration,
        "manifest_sha256": Evidence({"manifest": version.manifest}).sha256,
    }


def _parameters(analysis: Analysis, rows: Sequence[ImageRow]) -> dict[str, Any]:
    return {
        "analysis_id": str(analysis.id),
        "requirements": analysis.parameters,
        "frozen_at": _iso(analysis.frozen_at),
        "pipelines": sorted({image.pipeline_version or "none" for image, _, _ in rows}),
    }


def _score(score: Score | None) -> dict[str, Any] | None:
    if score is None:
        return None
    return {
        "method": score.method,
        "rigidity_score": score.rigidity_score,
        "reasons": score.reasons,
        "details": score.details,
        "computed_at": _iso(score.created_at),
    }


def _references(
    session: Session, sample: Sample, only: Collection[uuid.UUID] | None
) -> list[dict[str, Any]]:
    return [_reference(row) for row in queries.references_by_id(session, sample.id, only)]


def _reference(row: ReferenceMeasurement) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "entered_as": row.entered_as,
        "counts": row.counts,
        "fractions": row.fractions,
        "n_cells": row.n_cells,
        "rigidity_score": row.rigidity_score,
        "interval": [row.interval_low, row.interval_high],
        "method": row.method,
        "device": row.device,
    }


def _iso(moment: dt.date | dt.datetime | None) -> str | None:
    if isinstance(moment, dt.datetime):
        return moment.astimezone(dt.UTC).isoformat()
    return None if moment is None else moment.isoformat()
