"""The pages of whoever runs the installation, drawn: users, keys, audit, health."""

import datetime as dt
import uuid
from dataclasses import replace

from app.dashboard.contexts.api_keys import KeysPage, ShownKey, keys_page
from app.dashboard.contexts.audit import AuditPage, audit_page
from app.dashboard.contexts.health import HealthPage, health_page
from app.dashboard.contexts.shell import Notice, Shell
from app.dashboard.contexts.users import Invitation, UsersPage, users_page
from app.dashboard.contexts.wording import FormValues
from app.dashboard.frames import shell_for
from app.security.permissions import Permission, Principal, Role
from app.services.accounts import AccountView
from app.services.api_keys import KeyState, KeyView
from app.services.audit import AuditView, ChainCheck
from app.services.health_report import HealthReport, PartHealth, PartState
from app.services.paging import Listing
from app.services.people import Actor

AT = dt.datetime(2026, 11, 20, 9, 41, tzinfo=dt.UTC)
BOSS_ID = uuid.UUID(int=1)
BOSS = Principal(f"account:{BOSS_ID}", "A. Administrator", Role.ADMINISTRATOR, sees_all=True)


def shell(title: str, section: str) -> Shell:
    return shell_for(BOSS, title, section)


def _account(number: int, name: str, role: Role, *, is_disabled: bool = False) -> AccountView:
    return AccountView(
        id=uuid.UUID(int=number), name=name, role=role, has_password=number != 4,
        is_disabled=is_disabled, created_at=AT, last_seen_at=None if number == 4 else AT,
    )  # fmt: skip


def users() -> UsersPage:
    people = (
        _account(1, "A. Administrator", Role.ADMINISTRATOR),
        _account(2, "Tom", Role.TECHNICIAN),
        _account(3, "Vera", Role.VERIFIER),
        _account(4, "A technician with a rather long name of several words", Role.TECHNICIAN),
        _account(5, "Former colleague", Role.TECHNICIAN, is_disabled=True),
    )
    return users_page(
        people, BOSS, asks_password=True, values=FormValues(),
        notice=Notice("Hand the link below to Vera alone; it works once, within a day.", "good"),
        invitation=Invitation("Vera", "https://pliant.example/sign-in/" + "x" * 43),
    )  # fmt: skip


KEY = KeyView(
    id=uuid.UUID(int=1), name="LIMS, production", role=Role.LIMS,
    scopes=(Permission.EDIT_SAMPLES, Permission.READ_RESULTS, Permission.READ_SAMPLES),
    prefix="k3v9x2ab", state=KeyState.WORKS, created_at=AT, created_by=BOSS.id,
    expires_at=AT + dt.timedelta(days=365), is_ending_soon=False, revoked_at=None,
    last_used_at=AT, replaces_id=None, replaced_by_id=None,
)  # fmt: skip


def keys() -> KeysPage:
    old = replace(KEY, id=uuid.UUID(int=2), state=KeyState.REPLACED, scopes=None)
    room = replace(
        KEY, id=uuid.UUID(int=3), name="Microscope room", role=Role.TECHNICIAN, scopes=None,
        is_ending_soon=True, last_used_at=None,
    )  # fmt: skip
    ended = replace(KEY, id=uuid.UUID(int=4), name="Trial", state=KeyState.REVOKED, revoked_at=AT)
    found = (KEY, old, room, ended)
    return keys_page(
        found, {BOSS.id: BOSS.name}, asks_password=True, values=FormValues(limit="some"),
        chosen=frozenset({"read_samples"}),
        shown=ShownKey("LIMS, production", "pliant_k3v9x2ab_" + "x" * 49),
    )  # fmt: skip


def trail() -> AuditPage:
    def entry(seq: int, action: str, entity: str, **change: dict[str, object]) -> AuditView:
        return AuditView(
            seq=seq, at=AT, actor=BOSS.id, action=action, entity=entity,
            entity_id=str(uuid.UUID(int=seq)), request_id=None,
            before=change.get("before"), after=change.get("after"), hash="0" * 64,
        )  # fmt: skip

    entries = (
        entry(1203, "sample.released", "sample", after={"signature": {"id": "x" * 90}}),
        entry(1202, "account.role_changed", "account",
              before={"role": "technician"}, after={"role": "verifier"}),
        entry(1201, "api_key.created", "api_key",
              after={"name": "LIMS, production", "scopes": ["read_samples", "read_results"]}),
        entry(1200, "account.signed_in", "account", after={"by": "password"}),
    )  # fmt: skip
    return audit_page(
        Listing(entries, "1200"), {BOSS.id: BOSS.name}, actors=(Actor(BOSS.id, BOSS.name),),
        kinds=(("account", "api_key", "sample"), ("account.signed_in", "api_key.created")),
        wanted={"actor": BOSS.id, "from": "2026-11-01"},
        check=ChainCheck(is_whole=True, n_entries=1203, broken_at=None),
    )  # fmt: skip


def health() -> HealthPage:
    def part(title: str, state: PartState, statement: str, step: str | None = None) -> PartHealth:
        return PartHealth(
            code=title, title=title, state=state, statement=statement, next_step=step, figures={}
        )

    parts = (
        part("Database", PartState.GOOD, "PostgreSQL 17.2 answers; the records take 412 MB."),
        part("Image files", PartState.WARNING, "5.1 GB free: room for about 525 more images.",
             "Free space on the disk, or move the store to a larger one."),
        part("Broker and sweeper", PartState.GOOD, "Both answer."),
        part("Workers", PartState.BAD, "bench-2 takes no work: the control's score is 3.10, "
             "sealed 2.89.", "Mend the cause; the worker looks again by itself in two minutes."),
        part("Images and scores", PartState.GOOD, "12 waiting, the oldest 4 seconds. 2 at work."),
        part("Backup", PartState.UNKNOWN, "No backup is known to Pliant.",
             "Back up the database first, then the stored files; docs/operations.md says how."),
    )  # fmt: skip
    return health_page(HealthReport(PartState.BAD, AT, parts))
