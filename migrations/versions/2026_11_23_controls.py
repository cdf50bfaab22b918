"""controls

Sealed images and controls, their runs, and what unlocked a release after a broken rule.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "2026_11_23_controls"
down_revision = "2026_11_23_looks"
branch_labels = None
depends_on = None


NOW = sa.text("clock_timestamp()")
NEW_ID = sa.text("gen_random_uuid()")


def _moment(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=True)


def _made() -> list[sa.Column[object]]:
    return [
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
    ]


def _key(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column], [f"{other}.id"], name=op.f(f"fk_{table}_{column}_{other}")
    )


def upgrade() -> None:
    _create_controls()
    _create_resolutions()
    _create_runs()
    _create_violations()
    op.create_table(
        "timetable_slots",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("slot", sa.String(), nullable=False),
        _made()[0],
        sa.PrimaryKeyConstraint("name", "slot", name=op.f("pk_timetable_slots")),
    )


def _create_controls() -> None:
    op.create_table(
        "controls",
        sa.Column("id", sa.UUID(), server_default=NEW_ID, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("content", postgresql.JSONB(), nullable=True),
        sa.Column("content_sha256", sa.String(), nullable=True),
        sa.Column("is_shipped", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=True),
        *_made(),
        _moment("ended_at"),
        sa.Column("ended_by", sa.String(), nullable=True),
        sa.Column("ended_reason", sa.String(), nullable=True),
        sa.CheckConstraint("kind IN ('digital','wet')", name=op.f("ck_controls_kind")),
        sa.CheckConstraint(
            "(kind = 'digital') = (content_sha256 IS NOT NULL)", name=op.f("ck_controls_sealed")
        ),
        sa.CheckConstraint(
            "(kind = 'wet') = (expires_on IS NOT NULL)", name=op.f("ck_controls_expires")
        ),
        sa.CheckConstraint(
            "(ended_at IS NULL) = (ended_reason IS NULL)",
            name=op.f("ck_controls_ended_with_reason"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_controls")),
    )
    op.create_index(
        "uq_controls_name", "controls", ["name"], unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )  # fmt: skip
    op.create_table(
        "sealed_answers",
        sa.Column("control_id", sa.UUID(), nullable=False),
        sa.Column("model_version_id", sa.UUID(), nullable=False),
        sa.Column("pipeline_version", sa.String(), nullable=False),
        sa.Column("answer", sa.String(), nullable=False),
        sa.Column("answer_sha256", sa.String(), nullable=False),
        sa.Column("is_shipped", sa.Boolean(), nullable=False),
        sa.Column("environment", sa.String(), nullable=False),
        _made()[0],
        _key("sealed_answers", "control_id", "controls"),
        _key("sealed_answers", "model_version_id", "model_versions"),
        sa.PrimaryKeyConstraint(
            "control_id", "model_version_id", "pipeline_version", name=op.f("pk_sealed_answers")
        ),
    )
    op.create_table(
        "frozen_limits",
        sa.Column("control_id", sa.UUID(), nullable=False),
        sa.Column("series", sa.String(), nullable=False),
        sa.Column("limits", postgresql.JSONB(), nullable=False),
        _made()[0],
        _key("frozen_limits", "control_id", "controls"),
        sa.PrimaryKeyConstraint("control_id", "series", name=op.f("pk_frozen_limits")),
    )


def _create_resolutions() -> None:
    op.create_table(
        "control_resolutions",
        sa.Column("id", sa.UUID(), server_default=NEW_ID, nullable=False),
        sa.Column("control_id", sa.UUID(), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        *_made(),
        _key("control_resolutions", "control_id", "controls"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_control_resolutions")),
    )
    op.create_index(
        op.f("ix_control_resolutions_control_id"), "control_resolutions", ["control_id"]
    )


def _create_runs() -> None:
    op.create_table(
        "control_runs",
        sa.Column("id", sa.UUID(), server_default=NEW_ID, nullable=False),
        sa.Column("control_id", sa.UUID(), nullable=False),
        sa.Column("trigger", sa.String(), nullable=False),
        sa.Column("model_version_id", sa.UUID(), nullable=True),
        sa.Column("pipeline_version", sa.String(), nullable=True),
        sa.Column("environment", sa.String(), server_default="", nullable=False),
        sa.Column("sample_id", sa.UUID(), nullable=True),
        sa.Column("analysis_id", sa.UUID(), nullable=True),
        sa.Column("figures", postgresql.JSONB(), nullable=True),
        sa.Column("is_match", sa.Boolean(), nullable=True),
        sa.Column("message", sa.String(), nullable=True),
        _moment("measured_at"),
        *_made(),
        sa.Column("left_out_by", sa.UUID(), nullable=True),
        sa.CheckConstraint(
            "trigger IN ('start','nightly','asked','sample','typed')",
            name=op.f("ck_control_runs_trigger"),
        ),
        sa.CheckConstraint(
            "(figures IS NULL) = (measured_at IS NULL)", name=op.f("ck_control_runs_measured")
        ),
        _key("control_runs", "control_id", "controls"),
        _key("control_runs", "model_version_id", "model_versions"),
        _key("control_runs", "sample_id", "samples"),
        _key("control_runs", "analysis_id", "analyses"),
        _key("control_runs", "left_out_by", "control_resolutions"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_control_runs")),
        sa.UniqueConstraint("sample_id", name=op.f("uq_control_runs_sample_id")),
    )
    for columns in (["analysis_id"], ["control_id", "created_at"]):
        op.create_index(op.f(f"ix_control_runs_{'_'.join(columns)}"), "control_runs", columns)


def _create_violations() -> None:
    op.create_table(
        "control_violations",
        sa.Column("id", sa.UUID(), server_default=NEW_ID, nullable=False),
        sa.Column("control_id", sa.UUID(), nullable=False),
        sa.Column("run_id", sa.UUID(), nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("figure", sa.String(), nullable=True),
        sa.Column("is_warning", sa.Boolean(), nullable=False),
        sa.Column("message", sa.String(), nullable=False),
        sa.Column("basis", postgresql.JSONB(), nullable=False),
        _made()[0],
        sa.Column("resolution_id", sa.UUID(), nullable=True),
        _key("control_violations", "control_id", "controls"),
        _key("control_violations", "run_id", "control_runs"),
        _key("control_violations", "resolution_id", "control_resolutions"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_control_violations")),
    )
    for column in ("control_id", "run_id"):
        op.create_index(op.f(f"ix_control_violations_{column}"), "control_violations", [column])
    op.create_index(
        "ix_control_violations_open", "control_violations", ["control_id"],
        postgresql_where=sa.text("resolution_id IS NULL AND NOT is_warning"),
    )  # fmt: skip


def downgrade() -> None:
    for table in (
        "timetable_slots",
        "control_violations",
        "control_runs",
        "control_resolutions",
        "frozen_limits",
        "sealed_answers",
        "controls",
    ):
        op.drop_table(table)
