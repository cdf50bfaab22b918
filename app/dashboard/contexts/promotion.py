"""Promotion on the pages: the gate's rules, the forms, and which version was live when."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from app.dashboard.contexts.shell import Notice
from app.dashboard.contexts.wording import Chip, FormValues, MomentText, moment_text
from app.domain.promotion_gate import Rule
from app.services.model_cards import GateView, ModelCard
from app.services.promotions import ActivationView

HOLDS: Final = {
    True: Chip("Holds", "good"),
    False: Chip("Does not hold", "bad"),
    None: Chip("Unknown", "warning"),
}
RULE_NAMES: Final = {
    "accuracy_not_worse": "Accuracy on held-out donors",
    "donors_not_worse": "No donor told worse",
    "outlets_not_worse": "No outlet told worse",
    "calibrated": "Calibration",
    "locked_set_fresh": "Locked set",
    "impact_known": "Preview",
    "no_shift": "Mean change of known scores",
    "no_shock": "Single known scores",
    "not_retired": "Not retired",
}


@dataclass(frozen=True)
class RuleRow:
    name: str
    state: Chip
    message: str


@dataclass(frozen=True)
class ActivationForm:
    """What was typed; `notice` says why it was refused."""

    values: FormValues
    notice: Notice | None = None


EMPTY_FORM: Final = ActivationForm(FormValues())


@dataclass(frozen=True)
class LiveRow:
    href: str
    name: str
    sha256: str
    is_demonstration: bool
    is_live: bool
    is_rollback: bool
    since: MomentText
    until: MomentText | None
    activated_by: str
    reason: str
    overridden: tuple[str, ...]


@dataclass(frozen=True)
class PromotionPart:
    """`barred` says why the version cannot be activated at all; None where it can."""

    may_manage: bool
    is_active: bool
    is_rollback: bool
    asks_nothing: str | None
    rules: tuple[RuleRow, ...]
    needs_override: bool
    barred: str | None
    may_retire: bool
    retired_reason: str | None
    form: ActivationForm


def promotion_part(
    card: ModelCard, gate: GateView, *, may_manage: bool, form: ActivationForm = EMPTY_FORM
) -> PromotionPart:
    is_active = card.state == "active"
    return PromotionPart(
        may_manage=may_manage,
        is_active=is_active,
        is_rollback=gate.is_rollback,
        asks_nothing=gate.asks_nothing,
        rules=() if is_active else tuple(_rule_row(rule) for rule in gate.rules),
        needs_override=any(rule.holds is not True for rule in gate.rules),
        barred=_barred(gate),
        may_retire=not is_active and card.retired_reason is None,
        retired_reason=card.retired_reason,
        form=form,
    )


def _barred(gate: GateView) -> str | None:
    if gate.is_proven:
        return None
    return (
        "No worker has proven the version's file yet: its hash, operators and golden crops are "
        "checked with the preview below."
    )


def _rule_row(rule: Rule) -> RuleRow:
    return RuleRow(rule_name(rule), HOLDS[rule.holds], rule.message)


def rule_name(rule: Rule) -> str:
    return RULE_NAMES.get(rule.code, rule.code)


def live_rows(activations: Sequence[ActivationView]) -> tuple[LiveRow, ...]:
    return tuple(_live_row(one) for one in activations)


def _live_row(one: ActivationView) -> LiveRow:
    return LiveRow(
        href=f"/model-versions/{one.id}",
        name=one.name,
        sha256=one.sha256,
        is_demonstration=one.demonstration,
        is_live=one.until is None,
        is_rollback=one.is_rollback,
        since=moment_text(one.since),
        until=None if one.until is None else moment_text(one.until),
        activated_by="Pliant" if one.activated_by == "system" else one.activated_by_name,
        reason=one.reason,
        overridden=tuple(rule_name(rule) for rule in one.overridden),
    )
