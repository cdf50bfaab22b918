"""What people call whoever acted: accounts, keys, the program itself."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy.orm import Session

from app.db.queries import accounts as queries
from app.security.permissions import SYSTEM

PROGRAM: Final = "Pliant itself"


@dataclass(frozen=True)
class Actor:
    """Somebody who can stand in the audit trail."""

    id: str
    name: str


def names(session: Session, principals: Collection[str]) -> Mapping[str, str]:
    """By `account:<id>`, `key:<id>` or `system`; who has no row is missing."""
    found = queries.names_of(session, principals) if principals else {}
    return found | ({SYSTEM.id: PROGRAM} if SYSTEM.id in principals else {})


def everybody(session: Session) -> tuple[Actor, ...]:
    """People first, then keys, each line of keys once, then the program."""
    people = [Actor(f"account:{one.id}", one.name) for one in queries.list_all(session)]
    lines = {f"key:{one.identity_id}": f"{one.name} (key)" for one in queries.list_keys(session)}
    keys = [Actor(key, name) for key, name in lines.items()]
    return (*people, *keys, Actor(SYSTEM.id, PROGRAM))
