"""looks

How the cells of a classified image look, summed: what places a sample among the training donors.
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_23_looks"
down_revision = "2026_11_23_outside_pairs"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("classifications", sa.Column("looks", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    op.drop_column("classifications", "looks")
