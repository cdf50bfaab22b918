"""promotions

What a candidate would change, and which version was live when.
"""

revision = "2026_11_23_promotions"
down_revision = "2026_11_23_training_runs"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Filled in with the tables of its feature."""


def downgrade() -> None:
    """Filled in with the tables of its feature."""
