"""sample_search

A sample is found by the beginning of a donor code or an accession number, upper case or not, and by
the beginning or the end of a donation number. The few corrected images are found among all.
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_23_sample_search"
down_revision = "2026_11_23_keys"
branch_labels = None
depends_on = None

INDEXES = {
    "ix_donors_code_lower": ("donors", "lower(code) text_pattern_ops"),
    "ix_samples_accession_number_lower": ("samples", "lower(accession_number) text_pattern_ops"),
    "ix_samples_din_beginning": ("samples", "din text_pattern_ops"),
    "ix_samples_din_end": ("samples", "reverse(din) text_pattern_ops"),
}


def upgrade() -> None:
    for name, (table, expression) in INDEXES.items():
        op.create_index(name, table, [sa.text(expression)])
    op.create_index(
        "ix_images_corrected",
        "images",
        ["scan_id"],
        postgresql_where=sa.text("corrected_verdict IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_images_corrected", table_name="images")
    for name, (table, _) in INDEXES.items():
        op.drop_index(name, table_name=table)
