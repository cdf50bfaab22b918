"""The laboratory's own conditions of release: who, what was looked at, and whether it is sound."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from math import isfinite
from typing import Final

from sqlalchemy.orm import Session

from app.db.queries import evidence as queries
from app.db.queries.analyses import latest_analysis
from app.db.tables import Analysis, ModelVersion, Sample, Score, Signature
from app.domain.evidence import sha256_of_bytes
from app.domain.life_cycle import SampleState
from app.domain.release import Condition
from app.security.permissions import Principal
from app.services import audit, images
from app.services.evidence import gather_evidence, read_evidence
from app.services.images import ImageView
from app.services.retakes import advise_retakes
from app.storage import Store, model_key


@dataclass(frozen=True)
class Case:
    """One result before the verifier: the newest score of a sample, and who looks at it."""

    session: Session
    store: Store
    principal: Principal
    two_persons: bool
    sample: Sample
    analysis: Analysis
    score: Score
    version: ModelVersion
    submission: Signature | None
    """The last act of signing, where that was a submission."""

    @cached_property
    def images(self) -> list[ImageView]:
        """Of the newest scans; read once for the terms that look at them."""
        return images.list_images(self.session, self.principal, self.sample.id)


def result_submitted(case: Case) -> Condition:
    code, signature = "result_submitted", case.submission
    if case.sample.state != SampleState.SUBMITTED or signature is None:
        return Condition(
            code, holds=False, message="Nobody has handed the result in; a technician submits it."
        )
    if signature.analysis_id != case.analysis.id:
        return Condition(
            code,
            holds=False,
            message="Another analysis came after what was handed in; send the result back.",
        )
    return Condition(code, holds=True, message=f"Handed in by {signature.printed_name}.")


def another_person_signs(case: Case) -> Condition:
    code, signature = "another_person_signs", case.submission
    if not case.two_persons:
        return Condition(
            code,
            holds=True,
            message="This site lets one person submit and sign; the report says so.",
        )
    if signature is None:
        message = "Another person signs than the one who hands the result in."
        return Condition(code, holds=None, message=message)
    if signature.created_by == case.principal.id:
        return Condition(
            code, holds=False, message="You handed this result in; another verifier signs it."
        )
    return Condition(code, holds=True, message="The verifier is not who handed the result in.")


def newest_analysis_done(case: Case) -> Condition:
    code, newest = "newest_analysis_done", latest_analysis(case.session, case.sample.id)
    if newest is not None and newest.id == case.analysis.id:
        return Condition(code, holds=True, message="No analysis is open, and this is the newest.")
    return Condition(
        code,
        holds=False,
        message="A newer analysis runs or has failed; wait for it, or score the sample again.",
    )


def images_settled(case: Case) -> Condition:
    """Nothing is pending, and no image came after the analysis."""
    code = "images_settled"
    n_pending = sum(image.verdict == "pending" for image in case.images)
    if n_pending:
        return Condition(
            code, holds=False, message=f"{n_pending} images are still being judged; wait for them."
        )
    scored = {row[0].id for row in queries.images_of_analysis(case.session, case.analysis.id)}
    n_left_out = len({image.id for image in case.images} - scored)
    if n_left_out:
        return Condition(
            code,
            holds=False,
            message=f"{n_left_out} images came after this analysis; score the sample again.",
        )
    return Condition(code, holds=True, message="Every image is judged and part of the analysis.")


def retakes_answered(case: Case) -> Condition:
    code = "retakes_answered"
    advice = advise_retakes([image for image in case.images if image.outlet is None])
    if not advice:
        return Condition(code, holds=True, message="No unsorted well needs to be taken again.")
    return Condition(
        code,
        holds=False,
        message=f"{advice[0].message} Or say why the images will do.",
        may_be_acknowledged=True,
    )


def images_unique(case: Case) -> Condition:
    code = "images_unique"
    rows = queries.images_of_analysis(case.session, case.analysis.id)
    alarms = queries.duplicate_alarms(
        case.session, [row[0].id for row in rows], {row[1].id for row in rows}
    )
    if not alarms:
        return Condition(code, holds=True, message="No image was sent to another well as well.")
    return Condition(
        code,
        holds=False,
        message=f"Images of this sample were sent to two wells ({len(alarms)} times refused), so "
        "wells may have been mixed up; compare the folders, then say what you found.",
        may_be_acknowledged=True,
    )


def enough_material(case: Case) -> Condition:
    code, needs, has = "enough_material", case.analysis.parameters, case.score.details
    if has["n_wells"] >= needs["min_wells"] and has["n_cells"] >= needs["min_cells"]:
        return Condition(
            code,
            holds=True,
            message=f"{has['n_cells']} cells in {has['n_wells']} wells are enough.",
        )
    return Condition(
        code, holds=False, message="Too few cells or wells for a donor score; add images."
    )


def interval_sound(case: Case) -> Condition:
    code, score = "interval_sound", case.score.rigidity_score
    low, high = case.score.details["rigidity_interval"]
    if score is not None and all(map(isfinite, (low, score, high))) and low <= score <= high:
        return Condition(code, holds=True, message="The score lies in its interval.")
    return Condition(
        code, holds=False, message="Score and interval do not fit together; score the sample again."
    )


def identity_checked(case: Case) -> Condition:
    """A donation number whose check character was right, else an accession number will do."""
    code, sample = "identity_checked", case.sample
    if sample.din is not None and sample.din_is_checked:
        return Condition(
            code, holds=True, message="The donation number's check character is right."
        )
    what = (
        "The donation number was entered without its check character"
        if sample.din is not None
        else "The sample has no donation number"
    )
    return Condition(
        code,
        holds=False,
        message=f"{what}; compare it with the label, and say so.",
        may_be_acknowledged=True,
    )


def model_file_sound(case: Case) -> Condition:
    """The stored network is the one on record, byte for byte."""
    code, name = "model_file_sound", case.version.name
    try:
        data = case.store.get(model_key(case.version.sha256))
    except FileNotFoundError:
        return Condition(
            code, holds=False, message=f"The file of model version {name} is missing; restore it."
        )
    if sha256_of_bytes(data) == case.version.sha256:
        return Condition(code, holds=True, message=f"The file of model version {name} is intact.")
    return Condition(
        code, holds=False, message=f"The file of model version {name} was changed; restore it."
    )


def model_in_use(case: Case) -> Condition:
    code, version = "model_in_use", case.version
    if version.state == "active":
        return Condition(
            code, holds=True, message=f"Scored by the active model version {version.name}."
        )
    return Condition(
        code,
        holds=False,
        message=f"Scored by model version {version.name}, which is not active; score the sample "
        "again, or say why this version.",
        may_be_acknowledged=True,
    )


def model_fit_for_release(case: Case) -> Condition:
    """A network trained on synthetic cells releases nothing but the demonstration's samples."""
    code = "model_fit_for_release"
    if not case.version.is_demonstration:
        return Condition(code, holds=True, message="The model version was trained on real cells.")
    if case.sample.is_demonstration:
        return Condition(
            code,
            holds=True,
            message="A demonstration model, as the sample is: the report is marked DEMO.",
        )
    return Condition(
        code,
        holds=False,
        message="A demonstration model scores and shows everything, but releases nothing; activate "
        "a model version trained on real cells.",
    )


def evidence_unchanged(case: Case) -> Condition:
    """What the submission covered is what would be signed now."""
    code, signature = "evidence_unchanged", case.submission
    if signature is None:
        message = "Nothing may change between handing in and signing."
        return Condition(code, holds=None, message=message)
    signed = read_evidence(signature.evidence)
    differing = gather_evidence(case.session, case.analysis, signed=signed).differing(signed)
    if not differing:
        return Condition(code, holds=True, message="Nothing changed since it was handed in.")
    return Condition(
        code,
        holds=False,
        message=f"Changed since it was handed in: {', '.join(differing)}; send the result back.",
    )


def audit_trail_sound(case: Case) -> Condition:
    code = "audit_trail_sound"
    if audit.is_end_sound(case.session):
        return Condition(code, holds=True, message="The end of the audit trail is whole.")
    return Condition(
        code,
        holds=False,
        message="The audit trail was tampered with; have the administrator verify it.",
    )


OWN_TERMS: Final[tuple[Callable[[Case], Condition], ...]] = (
    result_submitted,
    another_person_signs,
    newest_analysis_done,
    images_settled,
    retakes_answered,
    images_unique,
    enough_material,
    interval_sound,
    identity_checked,
    model_fit_for_release,
    model_in_use,
    model_file_sound,
    evidence_unchanged,
    audit_trail_sound,
)
"""In the order a person reads them."""
