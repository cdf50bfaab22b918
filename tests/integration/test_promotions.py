"""Promotion: the gate, one version live at a time, who decided, and the way back."""

import datetime as dt
import uuid
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.db.tables import Activation, AuditEntry, ImpactPreview, Job, ModelVersion
from app.domain.errors import Conflict, InvalidInput, NotFound
from app.domain.impact import SampleImpact, ScoreInBrief
from app.security.permissions import SYSTEM, Principal, Role
from app.services import accounts, api_keys, promotions
from app.services.model_versions import install_bundled
from app.storage import open_store
from tests.candidates import error_rates, figures

REASON = "Better on the donors of autumn."


@pytest.fixture
def admin(session: Session) -> Principal:
    return administrator(session, "Ada")


def administrator(session: Session, name: str) -> Principal:
    account = accounts.create_account(session, SYSTEM, name=name, role=Role.ADMINISTRATOR)
    return Principal(f"account:{account.id}", name, Role.ADMINISTRATOR, sees_all=True)


@pytest.fixture
def shipped(session: Session) -> ModelVersion:
    """The demonstration that a new installation begins with."""
    manifest = manifest_of("shipped", demonstration=True)
    return install_bundled(
        session, open_store("memory://"), onnx=b"onnx", manifest=manifest, golden=b"golden"
    )


def manifest_of(
    name: str,
    *,
    demonstration: bool = False,
    metrics: dict[str, Any] | None = None,
    rates: dict[str, Any] | None = None,
) -> dict[str, Any]:
    return {
        "name": name,
        "sha256": uuid.uuid4().hex * 2,
        "demonstration": demonstration,
        "outlets": [2, 3, 4, 5],
        "metrics": figures() if metrics is None else metrics,
        "error_rates": error_rates() if rates is None else rates,
    }


def candidate(
    session: Session,
    name: str = "autumn",
    *,
    trained_by: str | None = None,
    **manifest: Any,  # noqa: ANN401  members of a manifest
) -> ModelVersion:
    """A version whose file a worker has proven."""
    described = manifest_of(name, **manifest)
    version = ModelVersion(
        name=name,
        sha256=described["sha256"],
        manifest=described,
        is_demonstration=described["demonstration"],
        trained_by=trained_by,
        verified_at=func.clock_timestamp(),
    )
    session.add(version)
    session.flush()
    return version


def previewed(
    session: Session, version: ModelVersion, active: ModelVersion, *, delta: float = 0.02
) -> None:
    """A finished preview over ten samples, each changed by `delta`, of which three are locked."""
    samples = [
        SampleImpact(
            sample_id=str(uuid.uuid4()),
            donor_code=f"D-{i}",
            is_locked=i < 3,
            old=ScoreInBrief(3.0, (2.8, 3.2)),
            new=ScoreInBrief(3.0 + delta, (2.8, 3.2)),
            reference=3.1 if i < 3 else None,
        )
        for i in range(10)
    ]
    preview = ImpactPreview(
        model_version_id=version.id,
        compared_with_id=active.id,
        locked_set_sha256="a" * 64,
        state="done",
        samples=[sample.to_json() for sample in samples],
        created_by="system",
    )
    session.add(preview)
    session.flush()


@pytest.fixture
def real(session: Session, shipped: ModelVersion, admin: Principal) -> ModelVersion:
    """A real network that took the demonstration's place."""
    version = candidate(session, "spring")
    promotions.activate(session, admin, version.id, reason="The first of our own.")
    return version


def rules_of(refusal: Conflict) -> dict[str, bool | None]:
    return {rule["code"]: rule["holds"] for rule in refusal.extra["rules"]}


def test_the_shipped_version_is_the_first_in_the_log_and_live_from_then_on(
    session: Session, shipped: ModelVersion
) -> None:
    live = promotions.live_at(session)
    assert (live.id, live.activated_by, live.until) == (shipped.id, "system", None)
    with pytest.raises(NotFound, match="no_version_live"):
        promotions.live_at(session, live.since - dt.timedelta(seconds=1))


def test_there_is_no_gate_against_a_demonstration_model(
    session: Session, shipped: ModelVersion, admin: Principal
) -> None:
    """Its accuracy is of drawn cells: a network for real ones has nothing to be compared with."""
    poor = candidate(session, metrics=figures(accuracy=0.6, intervals={"accuracy": [0.5, 0.7]}))
    promotions.activate(session, admin, poor.id, reason=REASON)
    assert (poor.state, shipped.state) == ("active", "retired")

    again = candidate(session, "drawn", demonstration=True)
    promotions.activate(session, admin, again.id, reason="Show the demonstration.")
    assert again.state == "active"


def test_one_query_says_who_was_live_at_any_moment_and_by_whose_word(
    session: Session, shipped: ModelVersion, real: ModelVersion, admin: Principal
) -> None:
    first, second = reversed(promotions.list_activations(session))
    assert first.until == second.since, "no moment without a version, none with two"
    before = promotions.live_at(session, second.since - dt.timedelta(microseconds=1))
    assert before.sha256 == shipped.sha256
    after = promotions.live_at(session, second.since)
    assert (after.sha256, after.activated_by_name) == (real.sha256, "Ada")
    assert after.reason == "The first of our own."


def test_a_worse_version_fails_the_gate_and_hears_which_rules_with_their_figures(
    session: Session, real: ModelVersion, admin: Principal
) -> None:
    worse = candidate(
        session,
        metrics=figures(accuracy=0.86, intervals={"accuracy": [0.84, 0.88]}),
        rates=error_rates(outlet_4=0.8),
    )
    previewed(session, worse, real, delta=0.25)
    with pytest.raises(Conflict, match="gate_failed") as refused:
        promotions.activate(session, admin, worse.id, reason=REASON)
    assert rules_of(refused.value) == {
        "accuracy_not_worse": False,
        "outlets_not_worse": False,
        "no_shift": False,
        "no_shock": False,
    }
    assert refused.value.extra["rules"][0]["figures"]["candidate_lower_bound"] == 0.84
    assert (real.state, worse.state) == ("active", "candidate")


def test_a_version_as_good_with_a_quiet_preview_passes(
    session: Session, real: ModelVersion, admin: Principal
) -> None:
    version = candidate(session)
    previewed(session, version, real)
    live = promotions.activate(session, admin, version.id, reason=REASON)
    assert (live.is_rollback, live.overridden) == (False, ())
    assert (version.state, real.state) == ("active", "retired")


def test_without_a_preview_against_the_active_version_nothing_is_known(
    session: Session, shipped: ModelVersion, real: ModelVersion, admin: Principal
) -> None:
    version = candidate(session)
    previewed(session, version, shipped)
    with pytest.raises(Conflict) as refused:
        promotions.activate(session, admin, version.id, reason=REASON)
    assert rules_of(refused.value) == {"locked_set_fresh": None, "impact_known": None}


def test_a_sixth_version_on_one_locked_set_fails(
    session: Session, real: ModelVersion, admin: Principal
) -> None:
    for number in range(6):
        version = candidate(session, f"try {number}")
        previewed(session, version, real)
    with pytest.raises(Conflict) as refused:
        promotions.activate(session, admin, version.id, reason=REASON)
    assert rules_of(refused.value) == {"locked_set_fresh": False}


def test_an_override_is_kept_with_the_rules_it_set_aside(
    session: Session, real: ModelVersion, admin: Principal
) -> None:
    worse = candidate(session, metrics=figures(calibration_error=0.2))
    previewed(session, worse, real)
    promotions.activate(session, admin, worse.id, reason="The camera is new.", override=True)
    (live, *_) = promotions.list_activations(session)
    assert [(rule.code, rule.figures["calibration_error"]) for rule in live.overridden] == [
        ("calibrated", 0.2)
    ]
    entry = session.scalars(
        select(AuditEntry).where(
            AuditEntry.action == "model_version.activated", AuditEntry.entity_id == str(worse.id)
        )
    ).one()
    assert '"calibrated"' in entry.content
    assert "The camera is new." in entry.content


def test_an_override_does_not_reach_a_file_that_nobody_proved(
    session: Session, shipped: ModelVersion, admin: Principal
) -> None:
    unproven = candidate(session)
    unproven.verified_at = None
    with pytest.raises(Conflict, match="model_unproven"):
        promotions.activate(session, admin, unproven.id, reason=REASON, override=True)
    assert shipped.state == "active"


def test_going_back_asks_no_figures_and_is_marked(
    session: Session, shipped: ModelVersion, real: ModelVersion, admin: Principal
) -> None:
    worse = candidate(session)
    promotions.activate(session, admin, worse.id, reason="Try it.", override=True)
    live = promotions.activate(session, admin, real.id, reason="It read everyone as stiff.")
    assert live.is_rollback
    assert (real.state, worse.state) == ("active", "retired")
    assert [one.name for one in promotions.list_activations(session)] == [
        "spring", "autumn", "spring", "shipped",
    ]  # fmt: skip


def test_a_retired_version_stays_out_unless_somebody_overrides(
    session: Session, real: ModelVersion, admin: Principal
) -> None:
    version = candidate(session)
    promotions.retire(session, admin, version.id, reason="Trained on swapped wells.")
    previewed(session, version, real)
    with pytest.raises(Conflict) as refused:
        promotions.activate(session, admin, version.id, reason=REASON)
    assert rules_of(refused.value) == {"not_retired": False}
    with pytest.raises(Conflict, match="model_version_retired"):
        promotions.retire(session, admin, version.id, reason="Again.")
    promotions.activate(session, admin, version.id, reason="It was right after all.", override=True)
    assert (version.state, version.retired_reason) == ("active", None)


def test_the_active_version_cannot_be_retired_nor_activated_again(
    session: Session, real: ModelVersion, admin: Principal
) -> None:
    with pytest.raises(Conflict, match="model_version_active"):
        promotions.retire(session, admin, real.id, reason=REASON)
    with pytest.raises(Conflict, match="model_version_active"):
        promotions.activate(session, admin, real.id, reason=REASON)


def test_a_reason_is_asked_for(session: Session, real: ModelVersion, admin: Principal) -> None:
    version = candidate(session)
    with pytest.raises(InvalidInput, match="reason_missing"):
        promotions.activate(session, admin, version.id, reason="  ", override=True)


def test_where_two_persons_are_asked_for_the_trainer_cannot_activate(
    session: Session, shipped: ModelVersion, admin: Principal
) -> None:
    other = administrator(session, "Grace")
    version = candidate(session, trained_by=admin.id)
    for principal in (admin, key_of(session, admin), key_of(session, SYSTEM)):
        with pytest.raises(Conflict, match="second_person_needed"):
            activate_by_two(session, principal, version)
    activate_by_two(session, other, version)
    assert version.state == "active"


def key_of(session: Session, maker: Principal) -> Principal:
    made = api_keys.create_key(session, maker, name="script", role=Role.ADMINISTRATOR)
    return api_keys.authenticate(session, made.token)


def activate_by_two(session: Session, principal: Principal, version: ModelVersion) -> None:
    promotions.activate(
        session, principal, version.id, reason=REASON, override=True, needs_second_person=True
    )


def test_the_database_itself_refuses_two_versions_live_at_once(
    session: Session, shipped: ModelVersion
) -> None:
    session.add(
        Activation(
            model_version_id=shipped.id,
            began_at=dt.datetime.now(dt.UTC) + dt.timedelta(days=1),
            activated_by="system",
            reason="overlaps",
            is_rollback=False,
            overridden=[],
        )
    )
    with pytest.raises(IntegrityError, match="one_at_a_time"):
        session.flush()


def test_a_later_bundled_version_is_a_candidate_with_a_preview_of_its_own(
    session: Session, shipped: ModelVersion
) -> None:
    manifest = manifest_of("shipped later", demonstration=True)
    later = install_bundled(
        session, open_store("memory://"), onnx=b"other", manifest=manifest, golden=b"golden"
    )
    assert (later.state, shipped.state) == ("candidate", "active")
    preview = session.scalars(
        select(ImpactPreview).where(ImpactPreview.model_version_id == later.id)
    ).one()
    queued = session.scalars(select(Job).where(Job.subject_id == preview.id)).one()
    assert (queued.kind, queued.queue) == ("preview_impact", "background")
