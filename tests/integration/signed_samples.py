"""A scored demonstration sample, the people who sign it, and what they do, by the services."""

import uuid
from dataclasses import dataclass, replace
from functools import cache
from typing import Final

from app.db.queries.accounts import by_name
from app.db.session import SessionMaker, transaction
from app.db.tables import Report, Sample, Signature
from app.security.passwords import hash_password
from app.security.permissions import SYSTEM, Principal, Role
from app.services import accounts, amendments, sign_off_views, sign_offs
from app.services.amendments import Change, Words
from app.services.browser_sessions import principal_of
from app.services.release_conditions import ReleaseRules, release_rules
from app.services.sign_off_views import ReleaseStanding
from app.services.sign_offs import Desk
from tests.controls_in_order import bring_controls_in_order
from tests.integration.corrected_samples import ScoredSample, scored_sample
from tests.laboratory import Laboratory

PASSWORD: Final = "four unrelated words walk"


@cache
def hashed() -> str:
    """Of `PASSWORD`, made once: each takes a tenth of a second on purpose."""
    return hash_password(PASSWORD)


@dataclass(frozen=True)
class SignedSample:
    """One sample between a technician and a verifier, both with a password."""

    scored: ScoredSample
    technician: Principal
    verifier: Principal
    rules: ReleaseRules

    @property
    def id(self) -> uuid.UUID:
        return self.scored.id

    @property
    def laboratory(self) -> Laboratory:
        return self.scored.laboratory

    def state(self) -> str:
        return self.scored.state()

    def submit(self, principal: Principal | None = None) -> Signature:
        with transaction(self.laboratory.sessions) as session:
            desk = Desk(session, self.laboratory.store, self.rules)
            return sign_offs.submit(desk, principal or self.technician, self.id)

    def standing(self, principal: Principal | None = None) -> ReleaseStanding:
        with transaction(self.laboratory.sessions) as session:
            desk = Desk(session, self.laboratory.store, self.rules)
            return sign_off_views.standing(desk, principal or self.verifier, self.id)

    def acknowledge(self, *codes: str) -> None:
        """Give a reason for each; without codes, for all that wait for one."""
        waiting = [
            one.code
            for one in self.standing().conditions
            if one.may_be_acknowledged and not one.is_settled
        ]
        for code in codes or waiting:
            with transaction(self.laboratory.sessions) as session:
                desk = Desk(session, self.laboratory.store, self.rules)
                sign_offs.acknowledge(
                    desk, self.verifier, self.id, code=code, reason="looked at it"
                )

    def release(self, principal: Principal | None = None, password: str = PASSWORD) -> Report:
        with transaction(self.laboratory.sessions) as session:
            desk = Desk(session, self.laboratory.store, self.rules)
            return sign_offs.release(desk, principal or self.verifier, self.id, password=password)

    def send_back(self, reason: str) -> Signature:
        with transaction(self.laboratory.sessions) as session:
            desk = Desk(session, self.laboratory.store, self.rules)
            return sign_offs.send_back(
                desk, self.verifier, self.id, password=PASSWORD, reason=reason
            )

    def amend(self, change: Change, reason: str, told: str | None = None) -> Signature:
        with transaction(self.laboratory.sessions) as session:
            desk = Desk(session, self.laboratory.store, self.rules)
            return amendments.amend(
                desk, self.verifier, self.id, change, password=PASSWORD, words=Words(reason, told)
            )

    def hand_in_and_release(self) -> Report:
        self.submit()
        self.acknowledge()
        return self.release()

    def at(self, sessions: SessionMaker, database_url: str) -> "SignedSample":
        """The same sample in a copy of its database; files are shared, since none is changed."""
        context = self.laboratory.context
        settings = context.settings.model_copy(update={"database_url": database_url})
        context = replace(context, sessions=sessions, settings=settings)
        laboratory = replace(self.laboratory, sessions=sessions, context=context)
        return replace(self, scored=replace(self.scored, laboratory=laboratory))

    def under(self, rules: ReleaseRules) -> "SignedSample":
        return replace(self, rules=rules)


def signed_sample(laboratory: Laboratory) -> SignedSample:
    """Scored, controls in order, nothing handed in yet."""
    bring_controls_in_order(laboratory)
    scored = scored_sample(laboratory)
    with transaction(laboratory.sessions) as session:
        session.get_one(Sample, scored.id).is_demonstration = True
    return SignedSample(
        scored,
        technician=person(laboratory, "Tom", Role.TECHNICIAN),
        verifier=person(laboratory, "Vera", Role.VERIFIER),
        rules=release_rules(laboratory.context.settings),
    )


def person(laboratory: Laboratory, name: str, role: Role) -> Principal:
    """An account with `PASSWORD`."""
    with transaction(laboratory.sessions) as session:
        accounts.create_account(session, SYSTEM, name=name, role=role)
        account = by_name(session, name)
        assert account is not None
        account.password_hash = hashed()
        return principal_of(account)
