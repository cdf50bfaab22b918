"""controls

Sealed images and controls, their runs, and what unlocked a release after a broken rule.
"""

revision = "2026_11_23_controls"
down_revision = "2026_11_23_looks"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Filled in with the tables of its feature."""


def downgrade() -> None:
    """Filled in with the tables of its feature."""
