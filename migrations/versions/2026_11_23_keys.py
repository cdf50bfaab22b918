"""keys

What a key may do, whose place it takes, and how often somebody tried a password. Samples keep the
order numbers and local identifiers that other programs know them by.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "2026_11_23_keys"
down_revision = "2026_11_23_deliveries"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("samples", sa.Column("placer_order_number", sa.String()))
    op.add_column("samples", sa.Column("filler_order_number", sa.String()))
    op.add_column(
        "samples",
        sa.Column("local_identifiers", postgresql.JSONB(), server_default="{}", nullable=False),
    )
    op.add_column("api_keys", sa.Column("scopes", postgresql.JSONB(), nullable=True))
    op.add_column("api_keys", sa.Column("identity_id", sa.UUID(), nullable=True))
    op.add_column("api_keys", sa.Column("replaces_id", sa.UUID(), nullable=True))
    op.execute("UPDATE api_keys SET identity_id = id")
    op.alter_column("api_keys", "identity_id", nullable=False)
    for column in ("identity_id", "replaces_id"):
        op.create_foreign_key(
            op.f(f"fk_api_keys_{column}_api_keys"), "api_keys", "api_keys", [column], ["id"]
        )
    op.create_unique_constraint(op.f("uq_api_keys_replaces_id"), "api_keys", ["replaces_id"])
    op.create_table(
        "password_tries",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column(
            "at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("name_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_password_tries")),
    )
    op.create_index(
        op.f("ix_password_tries_name_sha256_at"), "password_tries", ["name_sha256", "at"]
    )
    op.create_index(op.f("ix_password_tries_address_at"), "password_tries", ["address", "at"])
    op.create_index(op.f("ix_audit_actor_seq"), "audit", ["actor", "seq"])
    op.create_index(op.f("ix_audit_action_seq"), "audit", ["action", "seq"])
    op.create_index(op.f("ix_audit_at"), "audit", ["at"])


def downgrade() -> None:
    for column in ("local_identifiers", "filler_order_number", "placer_order_number"):
        op.drop_column("samples", column)
    for name in ("ix_audit_at", "ix_audit_action_seq", "ix_audit_actor_seq"):
        op.drop_index(op.f(name), table_name="audit")
    op.drop_table("password_tries")
    op.drop_constraint(op.f("uq_api_keys_replaces_id"), "api_keys", type_="unique")
    for column in ("replaces_id", "identity_id"):
        op.drop_constraint(op.f(f"fk_api_keys_{column}_api_keys"), "api_keys", type_="foreignkey")
        op.drop_column("api_keys", column)
    op.drop_column("api_keys", "scopes")
