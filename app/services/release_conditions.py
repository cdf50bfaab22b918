"""What must hold before a result is released, gathered from everything that can say so.

Each term is asked on its own. One that says no, that does not know, that takes too long or that
breaks bars the release; none can be left out by failing.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.db.queries.analyses import latest_scored
from app.db.queries.reports import latest_signature
from app.db.tables import Sample, Signature
from app.domain.errors import PliantError
from app.domain.life_cycle import SampleState
from app.domain.release import Condition
from app.security.permissions import Principal
from app.services.controls import SiteControls, control_conditions, site_controls
from app.services.release_terms import OWN_TERMS, Case
from app.services.score_basis import conditions_of_score
from app.settings import Settings
from app.storage import Store

log = structlog.get_logger()

LONGEST_TERM_MS: Final = 5_000
"""A statement that takes longer counts as no answer."""
TROUBLE: Final = (
    PliantError, SQLAlchemyError, OSError, ArithmeticError, AssertionError, AttributeError,
    LookupError, TypeError, ValueError,
)  # fmt: skip
"""What a term may break with. Anything else ends the request, which releases nothing either."""
NO_SCORE: Final = Condition(
    "score_given", holds=False, message="The sample has no score; analyse it first."
)

Term = Callable[[Case], Iterable[Condition]]


@dataclass(frozen=True)
class ReleaseRules:
    """What this site asks for; `terms` are all asked, by name."""

    two_persons: bool
    site: SiteControls
    terms: Mapping[str, Term] = field(default_factory=dict)


def release_rules(settings: Settings) -> ReleaseRules:
    site = site_controls(settings)
    terms: dict[str, Term] = {term.__name__: _single(term) for term in OWN_TERMS}
    terms["score"] = lambda case: conditions_of_score(case.session, case.analysis, case.score)
    terms["controls"] = lambda case: control_conditions(
        case.session, model_version_id=case.version.id, site=site
    )
    return ReleaseRules(two_persons=settings.two_person_release, site=site, terms=terms)


def _single(term: Callable[[Case], Condition]) -> Term:
    return lambda case: (term(case),)


def find_case(
    session: Session, store: Store, principal: Principal, sample: Sample, rules: ReleaseRules
) -> Case | None:
    """The newest score of the sample as it lies before `principal`; None where there is none."""
    found = latest_scored(session, sample.id)
    if found is None or found.Score.rigidity_score is None:
        return None
    return Case(
        session=session,
        store=store,
        principal=principal,
        two_persons=rules.two_persons,
        sample=sample,
        analysis=found.Analysis,
        score=found.Score,
        version=found.ModelVersion,
        submission=_submission(session, sample),
    )


def _submission(session: Session, sample: Sample) -> Signature | None:
    """What was handed in and still waits."""
    signature = latest_signature(session, sample.id)
    is_open = sample.state == SampleState.SUBMITTED
    return signature if is_open and signature and signature.act == "submit" else None


def gather_conditions(case: Case | None, rules: ReleaseRules) -> tuple[Condition, ...]:
    """Every condition, in the order a person reads them."""
    if case is None:
        return (NO_SCORE,)
    return tuple(
        condition for name, term in rules.terms.items() for condition in _ask(case, name, term)
    )


def _ask(case: Case, name: str, term: Term) -> tuple[Condition, ...]:
    """A term's answer; what goes wrong in it is an answer, too, and undone in the database."""
    savepoint = case.session.begin_nested()
    try:
        case.session.execute(text(f"SET LOCAL statement_timeout = {LONGEST_TERM_MS}"))
        answer = tuple(term(case))
        case.session.execute(text("SET LOCAL statement_timeout = 0"))
    except TROUBLE as trouble:
        savepoint.rollback()
        log.warning("a condition of release could not be checked", term=name, error=str(trouble))
        return (_unknown(name),)
    savepoint.commit()
    return answer or (_unknown(name),)


def _unknown(name: str) -> Condition:
    return Condition(
        name,
        holds=None,
        message=f"Whether {name.replace('_', ' ')} holds could not be checked; try again, and tell "
        "the administrator if it stays so.",
    )
