"""Is a report still what was signed? Everything it rests on, read again and held against it."""

import json
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from app.db.queries import evidence as queries
from app.db.queries.reports import report_of_version, signature_of_report
from app.db.tables import Analysis, ModelVersion, Report, Signature
from app.domain.evidence import Evidence, sha256_of, sha256_of_bytes
from app.domain.life_cycle import Act
from app.security.permissions import Principal
from app.services import audit
from app.services.evidence import gather_evidence, read_evidence
from app.services.report_contents import report_version
from app.services.report_versions import evidence_of_report
from app.services.signing import ACTIONS, as_noted, report_as_noted
from app.storage import Store, image_key, model_key


@dataclass(frozen=True)
class Verification:
    """Whether a version is whole; `differs` names the parts that are not as they were signed.

    `report` and `signature` are the records themselves, `audit` the trail's entry about them;
    the others are parts of the evidence. `n_files` counts stored files that were read and hashed.
    """

    report_id: uuid.UUID
    version: int
    evidence_sha256: str
    is_whole: bool
    differs: tuple[str, ...]
    n_files: int


def verify_report(
    session: Session,
    store: Store,
    principal: Principal,
    sample_id: uuid.UUID,
    version: int | None = None,
    *,
    with_files: bool = False,
) -> Verification:
    """Recompute what a version's signature covers.

    Parameters
    ----------
    with_files
        Whether every image file and the model's file are read and hashed, too: gigabytes.
    """
    report = report_version(session, principal, sample_id, version)
    signature = signature_of_report(session, report.id)
    session.refresh(report)
    session.refresh(signature)
    differs = {*_records(session, report, signature), *_parts(session, report, signature)}
    n_files = 0
    if with_files:
        damaged, n_files = _files(session, store, report)
        differs |= damaged
    return Verification(
        report_id=report.id,
        version=report.version,
        evidence_sha256=signature.evidence_sha256,
        is_whole=not differs,
        differs=tuple(sorted(differs)),
        n_files=n_files,
    )


def _records(session: Session, report: Report, signature: Signature) -> Iterator[str]:
    """The rows against their own digests, and against what the audit trail noted then."""
    if sha256_of(report.content) != report.content_sha256:
        yield "report"
    if sha256_of(signature.evidence) != signature.evidence_sha256:
        yield "signature"
    noted = _noted(session, report, signature)
    if noted is None or not audit.is_end_sound(session):
        yield "audit"
        return
    if noted["signature"] != as_noted(signature):
        yield "signature"
    if noted["report"] != report_as_noted(report):
        yield "report"


def _noted(session: Session, report: Report, signature: Signature) -> dict[str, Any] | None:
    """What the trail's entry of this signing says; None where there is none that fits its hash."""
    action = ACTIONS[Act(signature.act)] if signature.act in set(Act) else ""
    for entry in queries.entries_about(session, "sample", str(report.sample_id)):
        after: dict[str, Any] | None = json.loads(entry.content)["after"]
        is_it = after is not None and (after.get("report") or {}).get("id") == str(report.id)
        if is_it and entry.action == action and sha256_of(entry.content) == entry.hash:
            return after
    return None


def _parts(session: Session, report: Report, signature: Signature) -> Iterable[str]:
    try:
        signed = read_evidence(signature.evidence)
        return _evidence_now(session, report, signature, signed).differing(signed)
    except (KeyError, TypeError, ValueError):
        return ("signature",)


def _evidence_now(
    session: Session, report: Report, signature: Signature, signed: dict[str, Any]
) -> Evidence:
    if signature.act == Act.WITHDRAW:
        before = report_of_version(session, report.sample_id, report.version - 1)
        return Evidence({}) if before is None else evidence_of_report(before)
    analysis = session.get_one(Analysis, report.analysis_id)
    return gather_evidence(session, analysis, signed=signed)


def _files(session: Session, store: Store, report: Report) -> tuple[set[str], int]:
    """Parts whose stored bytes are gone or not what their names say, and how many were read."""
    analysis = session.get_one(Analysis, report.analysis_id)
    model = session.get_one(ModelVersion, analysis.model_version_id).sha256
    images = [row[0].sha256 for row in queries.images_of_analysis(session, analysis.id)]
    files = [("model", model_key(model), model)]
    files += [("images", image_key(sha256), sha256) for sha256 in images]
    damaged = {part for part, key, sha256 in files if not _is_intact(store, key, sha256)}
    return damaged, len(files)


def _is_intact(store: Store, key: str, sha256: str) -> bool:
    try:
        return sha256_of_bytes(store.get(key)) == sha256
    except FileNotFoundError:
        return False
