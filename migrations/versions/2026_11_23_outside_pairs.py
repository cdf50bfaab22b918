"""outside pairs

Pairs of scores measured elsewhere, for method comparison, and what people note of any pair.
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_23_outside_pairs"
down_revision = "2026_11_23_corrections"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "outside_pairs",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("donor_code", sa.String(), nullable=False),
        sa.Column("storage_day", sa.Integer(), nullable=True),
        sa.Column("reference_score", sa.Float(), nullable=False),
        sa.Column("image_score", sa.Float(), nullable=False),
        sa.Column("measured_with", sa.String(), nullable=False),
        sa.Column("model_version_id", sa.UUID(), nullable=True),
        sa.Column("measured_on", sa.Date(), nullable=True),
        sa.Column("source", sa.String(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_by", sa.String(), nullable=True),
        sa.Column("withdrawn_reason", sa.String(), nullable=True),
        sa.CheckConstraint("storage_day >= 0", name=op.f("ck_outside_pairs_storage_day")),
        sa.CheckConstraint(
            "(withdrawn_at IS NULL) = (withdrawn_reason IS NULL)",
            name=op.f("ck_outside_pairs_withdrawn_with_reason"),
        ),
        sa.ForeignKeyConstraint(
            ["model_version_id"],
            ["model_versions.id"],
            name=op.f("fk_outside_pairs_model_version_id_model_versions"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outside_pairs")),
    )
    op.create_index(
        op.f("ix_outside_pairs_model_version_id"), "outside_pairs", ["model_version_id"]
    )
    op.create_table(
        "pair_notes",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("sample_id", sa.UUID(), nullable=True),
        sa.Column("outside_pair_id", sa.UUID(), nullable=True),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.CheckConstraint(
            "(sample_id IS NULL) <> (outside_pair_id IS NULL)",
            name=op.f("ck_pair_notes_one_subject"),
        ),
        sa.ForeignKeyConstraint(
            ["sample_id"], ["samples.id"], name=op.f("fk_pair_notes_sample_id_samples")
        ),
        sa.ForeignKeyConstraint(
            ["outside_pair_id"],
            ["outside_pairs.id"],
            name=op.f("fk_pair_notes_outside_pair_id_outside_pairs"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pair_notes")),
    )
    for column in ("sample_id", "outside_pair_id"):
        op.create_index(op.f(f"ix_pair_notes_{column}"), "pair_notes", [column])


def downgrade() -> None:
    op.drop_table("pair_notes")
    op.drop_table("outside_pairs")
