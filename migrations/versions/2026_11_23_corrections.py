"""corrections

What a technician says of an image or a cell, kept beside what was found; and three more measures.
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_23_corrections"
down_revision = "2026_11_23_first"
branch_labels = None
depends_on = None

CORRECTED = "corrected_verdict IN ('accepted','rejected')"


def upgrade() -> None:
    for measure in ("crenation", "contrast", "p_verdict"):
        op.add_column("cells", sa.Column(measure, sa.REAL(), nullable=True))
    op.add_column("images", sa.Column("usable_mask", sa.LargeBinary(), nullable=True))
    op.add_column("images", sa.Column("usable_rows", sa.SmallInteger(), nullable=True))
    op.add_column("images", sa.Column("usable_columns", sa.SmallInteger(), nullable=True))
    for table in ("cells", "images"):
        op.add_column(table, sa.Column("corrected_verdict", sa.String(), nullable=True))
        op.create_check_constraint(op.f(f"ck_{table}_corrected_verdict"), table, CORRECTED)
    op.add_column(
        "analyses", sa.Column("n_corrections", sa.Integer(), server_default="0", nullable=False)
    )
    op.add_column("analyses", sa.Column("frozen_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE analyses SET frozen_at = created_at")
    op.alter_column(
        "analyses", "frozen_at", server_default=sa.text("clock_timestamp()"), nullable=False
    )
    op.add_column("classifications", sa.Column("p_accepted", sa.LargeBinary(), nullable=True))
    op.create_table(
        "corrections",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("sample_id", sa.UUID(), nullable=False),
        sa.Column("image_id", sa.UUID(), nullable=False),
        sa.Column("cell_id", sa.UUID(), nullable=True),
        sa.Column("verdict_before", sa.String(), nullable=False),
        sa.Column("verdict_after", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["sample_id"], ["samples.id"], name=op.f("fk_corrections_sample_id_samples")
        ),
        sa.ForeignKeyConstraint(
            ["image_id"], ["images.id"], name=op.f("fk_corrections_image_id_images")
        ),
        sa.ForeignKeyConstraint(
            ["cell_id"], ["cells.id"], name=op.f("fk_corrections_cell_id_cells")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_corrections")),
    )
    for column in ("sample_id", "image_id", "cell_id"):
        op.create_index(op.f(f"ix_corrections_{column}"), "corrections", [column], unique=False)


def downgrade() -> None:
    op.drop_table("corrections")
    op.drop_column("classifications", "p_accepted")
    for column in ("frozen_at", "n_corrections"):
        op.drop_column("analyses", column)
    for column in ("corrected_verdict", "usable_columns", "usable_rows", "usable_mask"):
        op.drop_column("images", column)
    for column in ("corrected_verdict", "p_verdict", "contrast", "crenation"):
        op.drop_column("cells", column)
