"""order_numbers

A sample is found by the number of its order, at either side, and by a number of the site's own.
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_23_order_numbers"
down_revision = "2026_11_23_sample_search"
branch_labels = None
depends_on = None

NUMBERS = ("placer_order_number", "filler_order_number")


def upgrade() -> None:
    for number in NUMBERS:
        expression = sa.text(f"lower({number}) text_pattern_ops")
        op.create_index(f"ix_samples_{number}_lower", "samples", [expression])
    op.create_index(
        "ix_samples_local_identifiers", "samples", ["local_identifiers"], postgresql_using="gin"
    )


def downgrade() -> None:
    op.drop_index("ix_samples_local_identifiers", table_name="samples")
    for number in NUMBERS:
        op.drop_index(f"ix_samples_{number}_lower", table_name="samples")
