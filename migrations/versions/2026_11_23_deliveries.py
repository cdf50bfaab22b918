"""deliveries

Where events and results go, and what became of each message.
"""

revision = "2026_11_23_deliveries"
down_revision = "2026_11_23_promotions"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
