"""training_runs

Training runs, the frozen cells they learn from, and their progress.
"""

revision = "2026_11_23_training_runs"
down_revision = "2026_11_23_releases"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Filled in with the tables of its feature."""


def downgrade() -> None:
    """Filled in with the tables of its feature."""
