"""Handing a result in, and the page on which a verifier checks, signs, sends back and amends."""

import uuid
from typing import Annotated

from fastapi import APIRouter, Depends
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from app.dashboard.contexts.shell import Notice
from app.dashboard.contexts.signing import SigningMaterial, signing_page
from app.dashboard.contexts.wording import FormValues
from app.dashboard.forms import FormDep
from app.dashboard.frames import shell_for
from app.dashboard.pages.samples import score_or_refusal
from app.dashboard.rendering import render
from app.db.session import SessionMaker, transaction
from app.domain.errors import Conflict, InvalidInput, NotPermitted, PliantError
from app.domain.life_cycle import OUT_OF_HAND
from app.security.permissions import Permission, Principal
from app.services import amendments, samples, sign_off_views, sign_offs, verification
from app.services.amendments import Change, Words
from app.services.files import Store
from app.services.release_conditions import ReleaseRules, release_rules
from app.services.sign_offs import Desk, Seen
from app.web.dependencies import PrincipalDep, SessionsDep, SettingsDep, StoreDep, require
from app.web.errors import status_of
from app.web.signing import counting_refusals

router = APIRouter()


class Office:
    """A verifier's office over its own transactions: a refused form is shown on a new one."""

    def __init__(
        self, sessions: SessionsDep, store: StoreDep, settings: SettingsDep, principal: PrincipalDep
    ) -> None:
        self.sessions: SessionMaker = sessions
        self.principal: Principal = principal
        self._store: Store = store
        self._rules: ReleaseRules = release_rules(settings)

    def desk(self, session: Session) -> Desk:
        return Desk(session, self._store, self._rules)

    def show(
        self, sample_id: uuid.UUID, *, refusal: PliantError | None = None, reason: str = ""
    ) -> Response:
        notice = None if refusal is None else Notice(refusal.message)
        with transaction(self.sessions) as session:
            material = self._material(session, sample_id)
        page = signing_page(material, self.principal, reason=reason, notice=notice)
        status = 200 if refusal is None else status_of(refusal)
        return render("signing.html", shell_for(self.principal, "Sign"), page, status=status)

    def _material(self, session: Session, sample_id: uuid.UUID) -> SigningMaterial:
        sample = samples.get_sample(session, self.principal, sample_id)
        score = score_or_refusal(session, self.principal, sample_id)
        reports = sign_off_views.reports_of_sample(session, self.principal, sample_id)
        return SigningMaterial(
            sample=sample,
            score=None if isinstance(score, Conflict) else score,
            standing=None
            if sample.state in OUT_OF_HAND
            else sign_off_views.standing(self.desk(session), self.principal, sample_id),
            reports=reports,
            signatures=sign_off_views.signatures_of_sample(session, self.principal, sample_id),
            verification=verification.verify_report(session, self._store, self.principal, sample_id)
            if reports
            else None,
        )


OfficeDep = Annotated[Office, Depends(Office)]


@router.post("/samples/{sample_id}/submit", dependencies=[require(Permission.SUBMIT)])
def post_submission(sample_id: uuid.UUID, form: FormDep, office: OfficeDep) -> Response:
    with transaction(office.sessions) as session:
        sign_offs.submit(
            office.desk(session), office.principal, sample_id, seen=Seen(_id(form["analysis_id"]))
        )
    return RedirectResponse(f"/samples/{sample_id}#sign-off", status_code=303)


@router.get("/samples/{sample_id}/signing", dependencies=[require(Permission.READ_RESULTS)])
def get_signing(sample_id: uuid.UUID, office: OfficeDep) -> Response:
    return office.show(sample_id)


@router.post("/samples/{sample_id}/acknowledgements", dependencies=[require(Permission.RELEASE)])
def post_acknowledgement(sample_id: uuid.UUID, form: FormDep, office: OfficeDep) -> Response:
    try:
        with transaction(office.sessions) as session:
            sign_offs.acknowledge(
                office.desk(session),
                office.principal,
                sample_id,
                code=form["code"],
                reason=form["reason"],
            )
    except (Conflict, InvalidInput, NotPermitted) as refusal:
        return office.show(sample_id, refusal=refusal)
    return RedirectResponse(f"/samples/{sample_id}/signing#conditions", status_code=303)


@router.post("/samples/{sample_id}/release", dependencies=[require(Permission.RELEASE)])
def post_release(sample_id: uuid.UUID, form: FormDep, office: OfficeDep) -> Response:
    """One form: approve with the password, or send back with a reason and the password."""
    try:
        with counting_refusals(office.sessions, office.principal):
            _sign(sample_id, form, office)
    except (Conflict, InvalidInput, NotPermitted) as refusal:
        return office.show(sample_id, refusal=refusal, reason=form["reason"])
    return RedirectResponse(f"/samples/{sample_id}#sign-off", status_code=303)


def _sign(sample_id: uuid.UUID, form: FormValues, office: Office) -> None:
    with transaction(office.sessions) as session:
        desk = office.desk(session)
        if form["meaning"] == "rejected":
            sign_offs.send_back(
                desk,
                office.principal,
                sample_id,
                password=form["password"],
                reason=form["reason"],
            )
        else:
            sign_offs.release(
                desk,
                office.principal,
                sample_id,
                password=form["password"],
                seen=Seen(_id(form["analysis_id"]), form["evidence_sha256"]),
            )


@router.post("/samples/{sample_id}/amend", dependencies=[require(Permission.AMEND)])
def post_amendment(sample_id: uuid.UUID, form: FormDep, office: OfficeDep) -> Response:
    try:
        with (
            counting_refusals(office.sessions, office.principal),
            transaction(office.sessions) as session,
        ):
            amendments.amend(
                office.desk(session),
                office.principal,
                sample_id,
                _change(form["change"]),
                password=form["password"],
                words=Words(form["reason"], form["told"]),
            )
    except (Conflict, InvalidInput, NotPermitted) as refusal:
        return office.show(sample_id, refusal=refusal, reason=form["reason"])
    return RedirectResponse(f"/samples/{sample_id}#sign-off", status_code=303)


def _change(text: str) -> Change:
    if text not in list(Change):
        raise InvalidInput("change_missing", "Say what to amend: the words, the value, or all.")
    return Change(text)


def _id(text: str) -> uuid.UUID:
    """The form carries what its page showed."""
    try:
        return uuid.UUID(text)
    except ValueError as error:
        raise InvalidInput(
            "form_unreadable", "The form could not be read; load the page and try again."
        ) from error
