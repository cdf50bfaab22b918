"""Training runs: the list, a new one, and one run live."""

import uuid
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from app.dashboard.contexts.shell import Notice
from app.dashboard.contexts.training_new import EXTRAS, TYPED, new_run_page, values_of
from app.dashboard.contexts.training_runs import run_page, runs_page
from app.dashboard.contexts.wording import FormValues
from app.dashboard.forms import read_pairs
from app.dashboard.frames import shell_for
from app.dashboard.rendering import render
from app.db.session import transaction
from app.domain.errors import Conflict, InvalidInput
from app.security.permissions import Permission, Principal
from app.services import training_cells, training_requests, training_runs
from app.services.training_cells import Selection
from app.services.training_requests import NewRun
from app.web.dependencies import PrincipalDep, SessionDep, SessionsDep, SettingsDep, require

router = APIRouter()

SECTION: Final = "training"
MOST_FIELDS: Final = 1500
"""One for each sample; the form's own limit of bytes comes first."""
PAGE_SIZE: Final = 25


@dataclass(frozen=True)
class RunForm:
    """What was chosen and typed; `samples` are the boxes that were ticked."""

    values: FormValues
    samples: tuple[str, ...]

    def new_run(self) -> NewRun:
        return NewRun(self.values["name"], Selection(samples=self._ids()), self._config())

    def _ids(self) -> tuple[uuid.UUID, ...]:
        try:
            return tuple(uuid.UUID(one) for one in self.samples)
        except ValueError as error:
            raise InvalidInput(
                "training_sample_unknown", "A sample of the form is none; load the page again."
            ) from error

    def _config(self) -> dict[str, object]:
        words = {name: self.values[name] for name in ("architecture", "target", "holdout")}
        config: dict[str, object] = {name: value for name, value in words.items() if value}
        config |= {name: _number(self.values[name]) for name in TYPED if self.values[name]}
        return config | {name: True for name in EXTRAS if self.values[name]}


def _number(text: str) -> float | str:
    """As typed where it is none: the configuration refuses it by name."""
    plain = text.replace(",", ".").replace(" ", "")
    try:
        return int(plain) if plain.isdecimal() else float(plain)
    except ValueError:
        return text


async def read_run_form(request: Request) -> RunForm:
    pairs = await read_pairs(request, most_fields=MOST_FIELDS)
    values = FormValues({name: value for name, value in pairs if name != "samples"})
    return RunForm(values, tuple(value for name, value in pairs if name == "samples"))


@router.get("/training-runs", dependencies=[require(Permission.READ_MODELS)])
def get_training_runs(
    session: SessionDep,
    principal: PrincipalDep,
    settings: SettingsDep,
    cursor: str | None = None,
) -> Response:
    page = runs_page(
        training_runs.list_runs(session, cursor=cursor, limit=PAGE_SIZE),
        may_train=principal.permits(Permission.MANAGE_MODELS),
        missing=training_requests.why_not_installed(session, is_enabled=settings.training),
    )
    return render("training_runs_list.html", shell_for(principal, "Training", SECTION), page)


@router.get("/training-runs/new", dependencies=[require(Permission.MANAGE_MODELS)])
def get_new_training_run(
    session: SessionDep,
    principal: PrincipalDep,
    settings: SettingsDep,
    again: uuid.UUID | None = None,
) -> Response:
    """Everything but the demonstration is ticked; or what an earlier run was asked for."""
    if again is None:
        wells = training_cells.all_wells(session)
        samples = {str(one.row.sample_id) for one in wells if not one.row.is_demonstration}
        form = RunForm(FormValues(), tuple(samples))
    else:
        run = training_runs.get_run(session, again)
        form = RunForm(values_of(run.name, run.config), tuple(str(one) for one in run.samples))
    return _form_page(session, principal, form, is_enabled=settings.training)


def _form_page(
    session: Session,
    principal: Principal,
    form: RunForm,
    *,
    is_enabled: bool,
    refusal: Conflict | InvalidInput | None = None,
) -> Response:
    page = new_run_page(
        training_cells.all_wells(session),
        form.samples,
        form.values,
        missing=training_requests.why_not_installed(session, is_enabled=is_enabled),
        notice=Notice(refusal.message) if refusal else None,
    )
    shell = shell_for(principal, "New training run", SECTION)
    status = 200 if refusal is None else 409 if isinstance(refusal, Conflict) else 422
    return render("training_run_new.html", shell, page, status=status)


@router.post("/training-runs", dependencies=[require(Permission.MANAGE_MODELS)])
def post_training_run(
    form: Annotated[RunForm, Depends(read_run_form)],
    sessions: SessionsDep,
    principal: PrincipalDep,
    settings: SettingsDep,
) -> Response:
    try:
        with transaction(sessions) as session:
            run = training_requests.start_run(
                session, principal, form.new_run(), is_enabled=settings.training
            )
    except (Conflict, InvalidInput) as refusal:
        with transaction(sessions) as session:
            return _form_page(
                session, principal, form, is_enabled=settings.training, refusal=refusal
            )
    return RedirectResponse(f"/training-runs/{run.id}", status_code=303)


@router.get("/training-runs/{run_id}", dependencies=[require(Permission.READ_MODELS)])
def get_training_run(run_id: uuid.UUID, session: SessionDep, principal: PrincipalDep) -> Response:
    run = training_runs.get_run(session, run_id)
    page = run_page(run, may_train=principal.permits(Permission.MANAGE_MODELS))
    return render("training_run.html", shell_for(principal, run.name, SECTION), page)


@router.post("/training-runs/{run_id}/cancel", dependencies=[require(Permission.MANAGE_MODELS)])
def post_cancel(run_id: uuid.UUID, session: SessionDep, principal: PrincipalDep) -> Response:
    training_runs.cancel_run(session, principal, run_id)
    return RedirectResponse(f"/training-runs/{run_id}", status_code=303)
