"""keys

What a key may do, since when another stands beside it, and how often somebody knocked. Samples keep
the order numbers and local identifiers that other programs know them by.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "2026_11_23_keys"
down_revision = "2026_11_23_deliveries"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("samples", sa.Column("placer_order_number", sa.String()))
    op.add_column("samples", sa.Column("filler_order_number", sa.String()))
    op.add_column(
        "samples",
        sa.Column("local_identifiers", postgresql.JSONB(), server_default="{}", nullable=False),
    )


def downgrade() -> None:
    for column in ("local_identifiers", "filler_order_number", "placer_order_number"):
        op.drop_column("samples", column)
