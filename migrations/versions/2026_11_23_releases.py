"""releases

Reports with their signatures, acknowledgements of findings, and the evidence they cover.
"""

revision = "2026_11_23_releases"
down_revision = "2026_11_23_controls"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Filled in with the tables of its feature."""


def downgrade() -> None:
    """Filled in with the tables of its feature."""
