"""keys

What a key may do, since when another stands beside it, and how often somebody knocked.
"""

revision = "2026_11_23_keys"
down_revision = "2026_11_23_deliveries"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
