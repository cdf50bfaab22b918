"""training_runs

Training runs, the frozen cells they learn from, and their progress.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "2026_11_23_training_runs"
down_revision = "2026_11_23_releases"
branch_labels = None
depends_on = None

STATES = "state IN ('queued','running','done','failed','cancelled')"


def upgrade() -> None:
    json = postgresql.JSONB(astext_type=sa.Text())
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "training_runs",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("state", sa.String(), server_default="queued", nullable=False),
        sa.Column("config", json, nullable=False),
        sa.Column("selection", json, nullable=False),
        sa.Column("warnings", json, nullable=False),
        sa.Column("n_cells", sa.Integer(), nullable=False),
        sa.Column("n_images", sa.Integer(), nullable=False),
        sa.Column("dataset_sha256", sa.String(), nullable=False),
        sa.Column("is_demonstration", sa.Boolean(), nullable=False),
        sa.Column("progress", json, nullable=True),
        sa.Column("history", json, server_default=sa.text("'[]'::jsonb"), nullable=False),
        sa.Column("checkpoints", json, server_default=sa.text("'[]'::jsonb"), nullable=False),
        sa.Column("metrics", json, nullable=True),
        sa.Column("failure", json, nullable=True),
        sa.Column("model_version_id", sa.UUID(), nullable=True),
        sa.Column("job_id", sa.UUID(), nullable=False),
        sa.Column(
            "created_at", moment, server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("started_at", moment, nullable=True),
        sa.Column("finished_at", moment, nullable=True),
        sa.CheckConstraint(STATES, name=op.f("ck_training_runs_state")),
        sa.ForeignKeyConstraint(
            ["model_version_id"],
            ["model_versions.id"],
            name=op.f("fk_training_runs_model_version_id_model_versions"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_training_runs")),
    )
    for columns in (["created_at", "id"], ["model_version_id"]):
        name = "ix_training_runs_" + "_".join(columns)
        op.create_index(op.f(name), "training_runs", columns, unique=False)
    op.create_table(
        "training_run_images",
        sa.Column("training_run_id", sa.UUID(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("image_id", sa.UUID(), nullable=False),
        sa.Column("donor_code", sa.String(), nullable=False),
        sa.Column("outlet", sa.Integer(), nullable=False),
        sa.Column("well_number", sa.Integer(), nullable=False),
        sa.Column("well_name", sa.String(), nullable=False),
        sa.Column("cell_ids", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("outlet BETWEEN 1 AND 12", name=op.f("ck_training_run_images_outlet")),
        sa.ForeignKeyConstraint(
            ["training_run_id"],
            ["training_runs.id"],
            name=op.f("fk_training_run_images_training_run_id_training_runs"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["image_id"], ["images.id"], name=op.f("fk_training_run_images_image_id_images")
        ),
        sa.PrimaryKeyConstraint("training_run_id", "ordinal", name=op.f("pk_training_run_images")),
    )
    op.create_index(
        op.f("ix_training_run_images_image_id"), "training_run_images", ["image_id"], unique=False
    )


def downgrade() -> None:
    op.drop_table("training_run_images")
    op.drop_table("training_runs")
