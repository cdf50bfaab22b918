"""promotions

What a candidate would change, and which version was live when.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "2026_11_23_promotions"
down_revision = "2026_11_23_training_runs"
branch_labels = None
depends_on = None

NEW_ID = sa.text("gen_random_uuid()")
CLOCK = sa.text("clock_timestamp()")

LIVE_UNTIL_NOW = """
INSERT INTO activations (model_version_id, began_at, activated_by, reason, is_rollback, overridden)
SELECT id, coalesce(activated_at, created_at), 'system', 'Active before activations were dated.',
       false, '[]'::jsonb
FROM model_versions WHERE state = 'active'
"""


def upgrade() -> None:
    op.add_column("model_versions", sa.Column("verified_at", sa.DateTime(timezone=True)))
    for column in ("trained_by", "retired_by", "retired_reason"):
        op.add_column("model_versions", sa.Column(column, sa.String()))
    _create_activations()
    _create_impact_previews()
    _create_locked_samples()
    op.execute("UPDATE model_versions SET verified_at = activated_at WHERE state = 'active'")
    op.execute(LIVE_UNTIL_NOW)


def _create_activations() -> None:
    op.create_table(
        "activations",
        sa.Column("id", sa.UUID(), server_default=NEW_ID, nullable=False),
        sa.Column("model_version_id", sa.UUID(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("activated_by", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("is_rollback", sa.Boolean(), nullable=False),
        sa.Column("overridden", postgresql.JSONB(), nullable=False),
        sa.CheckConstraint("reason <> ''", name=op.f("ck_activations_reason")),
        sa.ForeignKeyConstraint(
            ["model_version_id"],
            ["model_versions.id"],
            name=op.f("fk_activations_model_version_id_model_versions"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_activations")),
        postgresql.ExcludeConstraint(
            (sa.text("tstzrange(began_at, ended_at)"), "&&"),
            using="gist",
            name="ex_activations_one_at_a_time",
        ),
    )
    op.create_index(op.f("ix_activations_model_version_id"), "activations", ["model_version_id"])


def _create_impact_previews() -> None:
    op.create_table(
        "impact_previews",
        sa.Column("id", sa.UUID(), server_default=NEW_ID, nullable=False),
        sa.Column("model_version_id", sa.UUID(), nullable=False),
        sa.Column("compared_with_id", sa.UUID(), nullable=True),
        sa.Column("locked_set_sha256", sa.String(), nullable=True),
        sa.Column("state", sa.String(), server_default="queued", nullable=False),
        sa.Column("samples_done", sa.Integer(), server_default="0", nullable=False),
        sa.Column("samples_total", sa.Integer(), nullable=True),
        sa.Column("samples", postgresql.JSONB(), nullable=True),
        sa.Column("failure", postgresql.JSONB(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=CLOCK, nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('queued','running','done','failed')", name=op.f("ck_impact_previews_state")
        ),
        sa.ForeignKeyConstraint(
            ["model_version_id"],
            ["model_versions.id"],
            name=op.f("fk_impact_previews_model_version_id_model_versions"),
        ),
        sa.ForeignKeyConstraint(
            ["compared_with_id"],
            ["model_versions.id"],
            name=op.f("fk_impact_previews_compared_with_id_model_versions"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_impact_previews")),
    )
    op.create_index(
        op.f("ix_impact_previews_model_version_id_created_at"),
        "impact_previews",
        ["model_version_id", "created_at"],
    )
    op.create_index(
        op.f("ix_impact_previews_locked_set_sha256"), "impact_previews", ["locked_set_sha256"]
    )


def _create_locked_samples() -> None:
    op.create_table(
        "locked_samples",
        sa.Column("sample_id", sa.UUID(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=CLOCK, nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["sample_id"], ["samples.id"], name=op.f("fk_locked_samples_sample_id_samples")
        ),
        sa.PrimaryKeyConstraint("sample_id", name=op.f("pk_locked_samples")),
    )


def downgrade() -> None:
    for table in ("locked_samples", "impact_previews", "activations"):
        op.drop_table(table)
    for column in ("retired_reason", "retired_by", "trained_by", "verified_at"):
        op.drop_column("model_versions", column)
