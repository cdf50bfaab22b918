"""releases

Reports with their signatures, acknowledgements of findings, and the evidence they cover.
"""

import datetime as dt
import uuid

import sqlalchemy as sa
from alembic import op

revision = "2026_11_23_releases"
down_revision = "2026_11_23_controls"
branch_labels = None
depends_on = None

TABLES = ("reports", "signatures", "acknowledgements")
REFUSE_CHANGE = """
CREATE FUNCTION refuse_sign_off_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'what was signed is kept as it was signed';
END $$
"""


def upgrade() -> None:
    _create_reports()
    _create_signatures()
    _create_acknowledgements()
    op.execute(REFUSE_CHANGE)
    for table in TABLES:
        op.execute(
            f"CREATE TRIGGER {table}_are_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_sign_off_change()"
        )


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
    op.execute("DROP FUNCTION refuse_sign_off_change")


def _create_reports() -> None:
    op.create_table(
        "reports",
        _id(),
        sa.Column("sample_id", sa.UUID(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("previous_id", sa.UUID(), nullable=True),
        sa.Column("analysis_id", sa.UUID(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("content_sha256", sa.String(), nullable=False),
        *_made(),
        sa.CheckConstraint("version >= 1", name=op.f("ck_reports_version")),
        sa.CheckConstraint(
            "(version = 1) = (previous_id IS NULL)", name=op.f("ck_reports_previous")
        ),
        sa.CheckConstraint(
            "status IN ('final','amended','corrected','entered-in-error')",
            name=op.f("ck_reports_status"),
        ),
        _refers("reports", "sample_id", "samples"),
        _refers("reports", "previous_id", "reports"),
        _refers("reports", "analysis_id", "analyses"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reports")),
        sa.UniqueConstraint("sample_id", "version", name=op.f("uq_reports_sample_id_version")),
    )
    op.create_index(op.f("ix_reports_analysis_id"), "reports", ["analysis_id"])


def _create_signatures() -> None:
    op.create_table(
        "signatures",
        _id(),
        sa.Column("sample_id", sa.UUID(), nullable=False),
        sa.Column("analysis_id", sa.UUID(), nullable=False),
        sa.Column("report_id", sa.UUID(), nullable=True),
        sa.Column("act", sa.String(), nullable=False),
        sa.Column("meaning", sa.String(), nullable=False),
        sa.Column("printed_name", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("with_password", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("told", sa.String(), nullable=True),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("evidence_sha256", sa.String(), nullable=False),
        *_made(),
        sa.CheckConstraint(
            "act IN ('submit','send_back','release','reopen','amend','withdraw')",
            name=op.f("ck_signatures_act"),
        ),
        sa.CheckConstraint(
            "meaning IN ('reviewed','approved','rejected')", name=op.f("ck_signatures_meaning")
        ),
        sa.CheckConstraint(
            "(act IN ('release','amend','withdraw')) = (report_id IS NOT NULL)",
            name=op.f("ck_signatures_report"),
        ),
        _refers("signatures", "sample_id", "samples"),
        _refers("signatures", "analysis_id", "analyses"),
        _refers("signatures", "report_id", "reports"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signatures")),
    )
    op.create_index(
        op.f("ix_signatures_sample_id_created_at"), "signatures", ["sample_id", "created_at"]
    )
    op.create_index(op.f("ix_signatures_report_id"), "signatures", ["report_id"])


def _create_acknowledgements() -> None:
    op.create_table(
        "acknowledgements",
        _id(),
        sa.Column("sample_id", sa.UUID(), nullable=False),
        sa.Column("analysis_id", sa.UUID(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("message", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        *_made(),
        _refers("acknowledgements", "sample_id", "samples"),
        _refers("acknowledgements", "analysis_id", "analyses"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_acknowledgements")),
    )
    op.create_index(op.f("ix_acknowledgements_sample_id"), "acknowledgements", ["sample_id"])
    op.create_index(
        op.f("ix_acknowledgements_analysis_id_created_at"),
        "acknowledgements",
        ["analysis_id", "created_at"],
    )


def _id() -> sa.Column[uuid.UUID]:
    return sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False)


def _made() -> tuple[sa.Column[dt.datetime], sa.Column[str]]:
    now = sa.text("clock_timestamp()")
    return (
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=now, nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
    )


def _refers(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column], [f"{other}.id"], name=op.f(f"fk_{table}_{column}_{other}")
    )
