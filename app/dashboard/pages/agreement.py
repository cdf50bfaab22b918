"""Agreement: the method comparison of chosen pairs, and the forms of pairs measured elsewhere."""

import csv
import datetime as dt
import io
import uuid
from collections.abc import Callable, Sequence
from typing import Annotated, Final

from fastapi import APIRouter, Query
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from app.dashboard.contexts.agreement import PairForm, agreement_page
from app.dashboard.contexts.shell import Notice
from app.dashboard.contexts.wording import FormValues
from app.dashboard.forms import FormDep
from app.dashboard.frames import shell_for
from app.dashboard.rendering import render
from app.db.session import transaction
from app.domain.errors import InvalidInput
from app.domain.method_comparison.published import DONORS, NETWORK, SOURCE
from app.security.permissions import Permission, Principal
from app.services import agreement, model_versions, outside_pairs
from app.services.agreement import PairSource, Selection
from app.services.pair_tables import COLUMNS, EnteredPair, read_table
from app.web.dates import date_of
from app.web.dependencies import PrincipalDep, SessionDep, SessionsDep, require

router = APIRouter()

ENTERED: Final = "/agreement?source=elsewhere#pairs"
EMPTY_FORM: Final = PairForm(FormValues())
KEPT_FIELDS: Final = ("measured_with", "measured_on", "source")
"""What the next pair of a series mostly shares with the one just saved."""


@router.get("/agreement", dependencies=[require(Permission.READ_RESULTS)])
def get_agreement(
    session: SessionDep,
    principal: PrincipalDep,
    method: str = "",
    first_on: Annotated[str, Query(alias="from")] = "",
    last_on: Annotated[str, Query(alias="to")] = "",
    source: str = "",
) -> Response:
    selection = Selection(
        measured_with=method or None,
        first_on=_day(first_on),
        last_on=_day(last_on),
        source=PairSource(source) if source in list(PairSource) else PairSource.ALL,
    )
    if not source and selection == Selection():
        selection = _something_to_see(session, principal)
    return _page(session, principal, selection)


def _something_to_see(session: Session, principal: Principal) -> Selection:
    """Measured pairs; a new installation shows those of the demonstration, and says so."""
    for source in (PairSource.HERE, PairSource.ELSEWHERE):
        if agreement.has_pairs(session, principal, source):
            return Selection()
    has_drawn = agreement.has_pairs(session, principal, PairSource.DEMONSTRATION)
    return Selection(source=PairSource.DEMONSTRATION if has_drawn else PairSource.ALL)


def _page(
    session: Session, principal: Principal, selection: Selection, form: PairForm = EMPTY_FORM
) -> Response:
    is_refused = form.notice is not None or form.table_notice is not None
    page = agreement_page(
        agreement.agreement(session, principal, selection),
        _methods(session, principal),
        has_drawn=agreement.has_pairs(session, principal, PairSource.DEMONSTRATION),
        may_edit=principal.permits(Permission.EDIT_REFERENCES),
        form=form,
    )
    shell = shell_for(principal, "Agreement", "agreement")
    return render("agreement.html", shell, page, status=422 if is_refused else 200)


def _methods(session: Session, principal: Principal) -> list[str]:
    """Names of model versions, newest first, then those of methods elsewhere."""
    may_read = principal.permits(Permission.READ_MODELS)
    versions = model_versions.list_versions(session) if may_read else []
    names = [*(one.name for one in versions), *agreement.methods_elsewhere(session, principal)]
    return list(dict.fromkeys(names))


@router.post("/agreement/pairs", dependencies=[require(Permission.EDIT_REFERENCES)])
def post_pair(form: FormDep, sessions: SessionsDep, principal: PrincipalDep) -> Response:
    """One typed pair; what the next one shares with it stays in the form."""
    refused = _enter(sessions, principal, lambda: read_table(_as_table(form)))
    with transaction(sessions) as session:
        if refused is not None:
            notice = Notice(refused.message.removeprefix("Line 2, ").removeprefix("Line 2: "))
            again = PairForm(form, notice=notice, is_open=True)
        else:
            kept = FormValues({name: form[name] for name in KEPT_FIELDS})
            saved = Notice(f"The pair of {form['donor_code']} is saved.", "good")
            again = PairForm(kept, notice=saved, is_open=True)
        answer = _page(session, principal, Selection(source=PairSource.ELSEWHERE), again)
    answer.status_code = 422 if refused is not None else 200
    return answer


@router.post("/agreement/table", dependencies=[require(Permission.EDIT_REFERENCES)])
def post_table(form: FormDep, sessions: SessionsDep, principal: PrincipalDep) -> Response:
    """A pasted or chosen table, all or none of it."""
    table = form["table"]
    refused = _enter(sessions, principal, lambda: read_table(table.encode()))
    if refused is None:
        return RedirectResponse(ENTERED, status_code=303)
    again = PairForm(FormValues(), table=table, table_notice=_table_notice(refused), is_open=True)
    with transaction(sessions) as session:
        return _page(session, principal, Selection(source=PairSource.ELSEWHERE), again)


def _enter(
    sessions: SessionsDep, principal: Principal, read: Callable[[], Sequence[EnteredPair]]
) -> InvalidInput | None:
    try:
        entered = read()
        with transaction(sessions) as session:
            outside_pairs.add_pairs(session, principal, entered)
    except InvalidInput as refusal:
        return refusal
    return None


def _table_notice(refusal: InvalidInput) -> Notice:
    """Every line that is wrong, not only the first."""
    errors = refusal.extra.get("errors", [])
    if len(errors) < 2:
        return Notice(refusal.message)
    told = (
        ": ".join(filter(None, (one["place"], one["column"], one["message"]))) for one in errors
    )
    return Notice("Nothing was stored. " + "; ".join(told) + ".")


def _as_table(form: FormValues) -> bytes:
    """The typed pair as a table of one line, so that both ways in follow the same rules."""
    typed = {name: form[name] for name in COLUMNS}
    for score in ("reference_score", "image_score"):
        typed[score] = typed[score].replace(",", ".")
    return _table([[typed[name] for name in COLUMNS]]).encode()


@router.post("/agreement/pairs/{pair_id}/notes", dependencies=[require(Permission.EDIT_REFERENCES)])
def post_note(
    pair_id: uuid.UUID, form: FormDep, session: SessionDep, principal: PrincipalDep
) -> Response:
    outside_pairs.add_note(session, principal, pair_id, form["text"])
    return RedirectResponse(_back_to(form), status_code=303)


@router.post(
    "/agreement/pairs/{pair_id}/withdraw", dependencies=[require(Permission.EDIT_REFERENCES)]
)
def post_withdrawal(
    pair_id: uuid.UUID, form: FormDep, session: SessionDep, principal: PrincipalDep
) -> Response:
    outside_pairs.withdraw_pair(session, principal, pair_id, form["reason"])
    return RedirectResponse(_back_to(form), status_code=303)


def _back_to(form: FormValues) -> str:
    source = form["shown"]
    return f"/agreement?source={source}#pairs" if source in list(PairSource) else "/agreement#pairs"


@router.get("/agreement/template.csv", dependencies=[require(Permission.READ_RESULTS)])
def get_template() -> Response:
    """The columns and one line to be overwritten."""
    example = [
        "donor 1",
        "3.27",
        "3.19",
        "name of the method",
        "0",
        "2026-11-20",
        "",
        "who measured",
    ]
    return _csv("pairs-template.csv", [example])


@router.get("/agreement/published-pairs.csv", dependencies=[require(Permission.READ_RESULTS)])
def get_published_pairs() -> Response:
    """The ten published donors, ready to be sent back as an example."""
    rows = [
        [f"published {one.number}", f"{one.reference_score:.2f}", f"{one.image_score:.2f}",
         NETWORK, str(one.storage_day), "", "", SOURCE]
        for one in DONORS
    ]  # fmt: skip
    return _csv("published-pairs.csv", rows)


def _csv(filename: str, rows: Sequence[Sequence[str]]) -> Response:
    disposition = {"Content-Disposition": f'attachment; filename="{filename}"'}
    return Response(_table(rows), media_type="text/csv", headers=disposition)


def _table(rows: Sequence[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows([COLUMNS, *rows])
    return text.getvalue()


def _day(text: str) -> dt.date | None:
    try:
        return date_of(text) if text else None
    except ValueError as error:
        raise InvalidInput("agreement_filter", "A day is written like 2026-11-20.") from error
