"""One unit, or all units of a donor, over storage days."""

import uuid

from fastapi import APIRouter
from starlette.responses import Response

from app.dashboard.contexts.unit_history import EMPTY_PAGE, unit_history_page
from app.dashboard.frames import shell_for
from app.dashboard.rendering import render
from app.domain.errors import InvalidInput
from app.domain.identifiers import parse_din
from app.security.permissions import Permission
from app.services import unit_history
from app.web.dependencies import PrincipalDep, SessionDep, require

router = APIRouter()


@router.get("/unit-history", dependencies=[require(Permission.READ_RESULTS)])
def get_unit_history(
    session: SessionDep,
    principal: PrincipalDep,
    din: str = "",
    donor_code: str = "",
    text: str = "",
    model_version_id: uuid.UUID | None = None,
) -> Response:
    """Without a subject the page asks for one; `text` is what was typed or scanned there."""
    if text.strip():
        din, donor_code = _subject_of(text.strip())
    if not din and not donor_code:
        return render("unit_history.html", shell_for(principal, "Storage history"), EMPTY_PAGE)
    history = unit_history.history(
        session,
        principal,
        din=din or None,
        donor_code=donor_code or None,
        model_version_id=model_version_id,
    )
    title = f"Donor {donor_code} over storage" if donor_code else "Unit over storage"
    return render("unit_history.html", shell_for(principal, title), unit_history_page(history))


def _subject_of(text: str) -> tuple[str, str]:
    """A donation number if it reads as one, else a donor's code."""
    try:
        parse_din(text)
    except InvalidInput as refusal:
        if refusal.code != "din_malformed":  # a label's other code, or a slip of one character
            raise
        return "", text
    return text, ""
