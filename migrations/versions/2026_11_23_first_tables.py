"""first tables

Every record the main job needs, and an audit trail that the database itself refuses to change.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "2026_11_23_first"
down_revision = None
branch_labels = None
depends_on = None

APPEND_ONLY = """
CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit trail is append-only';
END $$;
CREATE TRIGGER audit_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();
"""


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=True),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "role IN ('technician','verifier','lims','administrator')",
            name=op.f("ck_accounts_role"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
        sa.UniqueConstraint("name", name=op.f("uq_accounts_name")),
    )
    op.create_table(
        "api_keys",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("prefix", sa.String(), nullable=False),
        sa.Column("secret_sha256", sa.LargeBinary(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "role IN ('technician','verifier','lims','administrator')",
            name=op.f("ck_api_keys_role"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("prefix", name=op.f("uq_api_keys_prefix")),
    )
    op.create_table(
        "audit",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("entity", sa.String(), nullable=False),
        sa.Column("entity_id", sa.String(), nullable=False),
        sa.Column("request_id", sa.String(), nullable=True),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("prev_hash", sa.String(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit")),
    )
    op.create_index(
        op.f("ix_audit_entity_entity_id"), "audit", ["entity", "entity_id"], unique=False
    )
    op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_audit_head_single")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_head")),
    )
    op.create_table(
        "donors",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_donors")),
        sa.UniqueConstraint("code", name=op.f("uq_donors_code")),
    )
    op.create_table(
        "heartbeats",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("report", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_heartbeats")),
    )
    op.create_table(
        "idempotent_answers",
        sa.Column("principal", sa.String(), nullable=False),
        sa.Column("route", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("body_sha256", sa.String(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("answer", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("headers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("principal", "route", "key", name=op.f("pk_idempotent_answers")),
    )
    op.create_table(
        "instrument_profiles",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("um_per_px", sa.Double(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("polarity", sa.String(), nullable=False),
        sa.Column("parameters", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("is_built_in", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_instrument_profiles")),
        sa.UniqueConstraint("name", name=op.f("uq_instrument_profiles_name")),
    )
    op.create_table(
        "jobs",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("queue", sa.String(), nullable=False),
        sa.Column("priority", sa.Integer(), server_default="0", nullable=False),
        sa.Column("subject_id", sa.UUID(), nullable=False),
        sa.Column("dedupe_key", sa.String(), nullable=True),
        sa.Column("state", sa.String(), server_default="queued", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("max_attempts", sa.Integer(), nullable=False),
        sa.Column("token", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deadline_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "not_before",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancel_requested_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error_code", sa.String(), nullable=True),
        sa.Column("error_message", sa.String(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('queued','running','done','failed','quarantined','cancelled')",
            name=op.f("ck_jobs_state"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
        sa.UniqueConstraint("dedupe_key", name=op.f("uq_jobs_dedupe_key")),
    )
    op.create_index(
        "ix_jobs_due",
        "jobs",
        ["queue", "priority", "created_at"],
        unique=False,
        postgresql_where=sa.text("state = 'queued'"),
    )
    op.create_index(
        "ix_jobs_leases",
        "jobs",
        ["lease_until"],
        unique=False,
        postgresql_where=sa.text("state = 'running'"),
    )
    op.create_index(op.f("ix_jobs_subject_id"), "jobs", ["subject_id"], unique=False)
    op.create_table(
        "model_versions",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("manifest", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("is_demonstration", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(), server_default="candidate", nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("activated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('candidate','active','retired')", name=op.f("ck_model_versions_state")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_model_versions")),
        sa.UniqueConstraint("sha256", name=op.f("uq_model_versions_sha256")),
    )
    op.create_index(
        "uq_model_versions_active",
        "model_versions",
        ["state"],
        unique=True,
        postgresql_where=sa.text("state = 'active'"),
    )
    op.create_table(
        "browser_sessions",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("account_id", sa.UUID(), nullable=False),
        sa.Column("token_sha256", sa.LargeBinary(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reauthenticated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_browser_sessions_account_id_accounts")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_browser_sessions")),
        sa.UniqueConstraint("token_sha256", name=op.f("uq_browser_sessions_token_sha256")),
    )
    op.create_index(
        op.f("ix_browser_sessions_account_id"), "browser_sessions", ["account_id"], unique=False
    )
    op.create_table(
        "samples",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("donor_id", sa.UUID(), nullable=False),
        sa.Column("state", sa.String(), server_default="received", nullable=False),
        sa.Column("din", sa.String(), nullable=True),
        sa.Column("din_raw", sa.String(), nullable=True),
        sa.Column("din_is_checked", sa.Boolean(), nullable=True),
        sa.Column("accession_number", sa.String(), nullable=True),
        sa.Column("collected_on", sa.Date(), nullable=True),
        sa.Column("storage_day", sa.Integer(), nullable=True),
        sa.Column(
            "storage_day_is_derived", sa.Boolean(), server_default=sa.text("false"), nullable=False
        ),
        sa.Column("container", sa.String(), nullable=False),
        sa.Column("additive", sa.String(), nullable=True),
        sa.Column("sampled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("notes", sa.String(), nullable=True),
        sa.Column(
            "is_demonstration", sa.Boolean(), server_default=sa.text("false"), nullable=False
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.CheckConstraint(
            "container IN ('citrate_tube','blood_bag','segment','plastic_tube')",
            name=op.f("ck_samples_container"),
        ),
        sa.CheckConstraint(
            "state IN ('received','running','computed','unavailable','submitted','released',"
            "'amended','withdrawn')",
            name=op.f("ck_samples_state"),
        ),
        sa.CheckConstraint(
            "storage_day IS NULL OR storage_day >= 0", name=op.f("ck_samples_storage_day")
        ),
        sa.ForeignKeyConstraint(
            ["donor_id"], ["donors.id"], name=op.f("fk_samples_donor_id_donors")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_samples")),
    )
    op.create_index(
        op.f("ix_samples_accession_number"), "samples", ["accession_number"], unique=False
    )
    op.create_index(op.f("ix_samples_created_at_id"), "samples", ["created_at", "id"], unique=False)
    op.create_index(op.f("ix_samples_din"), "samples", ["din"], unique=False)
    op.create_index(op.f("ix_samples_donor_id"), "samples", ["donor_id"], unique=False)
    op.create_index(
        op.f("ix_samples_state_created_at"), "samples", ["state", "created_at"], unique=False
    )
    op.create_table(
        "sign_in_links",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("account_id", sa.UUID(), nullable=False),
        sa.Column("token_sha256", sa.LargeBinary(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_sign_in_links_account_id_accounts")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in_links")),
        sa.UniqueConstraint("token_sha256", name=op.f("uq_sign_in_links_token_sha256")),
    )
    op.create_table(
        "analyses",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("sample_id", sa.UUID(), nullable=False),
        sa.Column("model_version_id", sa.UUID(), nullable=False),
        sa.Column("parameters", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("state", sa.String(), server_default="queued", nullable=False),
        sa.Column(
            "failure", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('queued','running','done','failed')", name=op.f("ck_analyses_state")
        ),
        sa.ForeignKeyConstraint(
            ["model_version_id"],
            ["model_versions.id"],
            name=op.f("fk_analyses_model_version_id_model_versions"),
        ),
        sa.ForeignKeyConstraint(
            ["sample_id"], ["samples.id"], name=op.f("fk_analyses_sample_id_samples")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_analyses")),
    )
    op.create_index(
        op.f("ix_analyses_model_version_id"), "analyses", ["model_version_id"], unique=False
    )
    op.create_index(
        op.f("ix_analyses_sample_id_created_at"),
        "analyses",
        ["sample_id", "created_at"],
        unique=False,
    )
    op.create_table(
        "reference_measurements",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("sample_id", sa.UUID(), nullable=False),
        sa.Column("entered_as", sa.String(), nullable=False),
        sa.Column(
            "counts", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True
        ),
        sa.Column(
            "fractions", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True
        ),
        sa.Column("n_cells", sa.Integer(), nullable=True),
        sa.Column("rigidity_score", sa.Double(), nullable=False),
        sa.Column("interval_low", sa.Double(), nullable=False),
        sa.Column("interval_high", sa.Double(), nullable=False),
        sa.Column("deformable_fraction", sa.Double(), nullable=True),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("sorted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("device", sa.String(), nullable=True),
        sa.Column("source", sa.String(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.CheckConstraint(
            "entered_as IN ('counts','fractions','score')",
            name=op.f("ck_reference_measurements_form"),
        ),
        sa.ForeignKeyConstraint(
            ["sample_id"], ["samples.id"], name=op.f("fk_reference_measurements_sample_id_samples")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reference_measurements")),
    )
    op.create_index(
        op.f("ix_reference_measurements_sample_id"),
        "reference_measurements",
        ["sample_id"],
        unique=False,
    )
    op.create_table(
        "wells",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("sample_id", sa.UUID(), nullable=False),
        sa.Column("outlet", sa.Integer(), nullable=True),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("plate_barcode", sa.String(), nullable=True),
        sa.Column("position", sa.String(), nullable=True),
        sa.Column("profile_id", sa.UUID(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.CheckConstraint("number >= 1", name=op.f("ck_wells_number")),
        sa.CheckConstraint("outlet BETWEEN 1 AND 12", name=op.f("ck_wells_outlet")),
        sa.ForeignKeyConstraint(
            ["profile_id"],
            ["instrument_profiles.id"],
            name=op.f("fk_wells_profile_id_instrument_profiles"),
        ),
        sa.ForeignKeyConstraint(
            ["sample_id"], ["samples.id"], name=op.f("fk_wells_sample_id_samples")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wells")),
        sa.UniqueConstraint(
            "sample_id",
            "outlet",
            "number",
            name=op.f("uq_wells_sample_id_outlet_number"),
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_index(op.f("ix_wells_sample_id"), "wells", ["sample_id"], unique=False)
    op.create_table(
        "scans",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("well_id", sa.UUID(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(["well_id"], ["wells.id"], name=op.f("fk_scans_well_id_wells")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scans")),
        sa.UniqueConstraint("well_id", "ordinal", name=op.f("uq_scans_well_id_ordinal")),
    )
    op.create_table(
        "scores",
        sa.Column("analysis_id", sa.UUID(), nullable=False),
        sa.Column("job_id", sa.UUID(), nullable=False),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("rigidity_score", sa.Double(), nullable=True),
        sa.Column("reasons", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "(rigidity_score IS NULL) = (jsonb_array_length(reasons) > 0)",
            name=op.f("ck_scores_number_or_reasons"),
        ),
        sa.ForeignKeyConstraint(
            ["analysis_id"],
            ["analyses.id"],
            name=op.f("fk_scores_analysis_id_analyses"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("analysis_id", name=op.f("pk_scores")),
        sa.UniqueConstraint("job_id", name=op.f("uq_scores_job_id")),
    )
    op.create_table(
        "images",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("scan_id", sa.UUID(), nullable=False),
        sa.Column("well_id", sa.UUID(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("filename", sa.String(), nullable=False),
        sa.Column("format", sa.String(), nullable=False),
        sa.Column("n_bytes", sa.Integer(), nullable=False),
        sa.Column("verdict", sa.String(), server_default="pending", nullable=False),
        sa.Column("findings", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("mean_grey", sa.Double(), nullable=True),
        sa.Column("sd_grey", sa.Double(), nullable=True),
        sa.Column("focus", sa.Double(), nullable=True),
        sa.Column("usable_share", sa.Double(), nullable=True),
        sa.Column("pipeline_version", sa.String(), nullable=True),
        sa.Column("inspected_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.CheckConstraint(
            "verdict IN ('pending','accepted','partly','rejected')", name=op.f("ck_images_verdict")
        ),
        sa.ForeignKeyConstraint(["scan_id"], ["scans.id"], name=op.f("fk_images_scan_id_scans")),
        sa.ForeignKeyConstraint(["well_id"], ["wells.id"], name=op.f("fk_images_well_id_wells")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_images")),
        sa.UniqueConstraint("sha256", name=op.f("uq_images_sha256")),
        sa.UniqueConstraint("well_id", "id", name=op.f("uq_images_well_id_id")),
    )
    op.create_index(
        op.f("ix_images_scan_id_verdict"), "images", ["scan_id", "verdict"], unique=False
    )
    op.create_table(
        "analysis_images",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("analysis_id", sa.UUID(), nullable=False),
        sa.Column("image_id", sa.UUID(), nullable=False),
        sa.Column("is_done", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.ForeignKeyConstraint(
            ["analysis_id"],
            ["analyses.id"],
            name=op.f("fk_analysis_images_analysis_id_analyses"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["image_id"], ["images.id"], name=op.f("fk_analysis_images_image_id_images")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_analysis_images")),
        sa.UniqueConstraint(
            "analysis_id", "image_id", name=op.f("uq_analysis_images_analysis_id_image_id")
        ),
    )
    op.create_index(
        "ix_analysis_images_open",
        "analysis_images",
        ["image_id"],
        unique=False,
        postgresql_where=sa.text("NOT is_done"),
    )
    op.create_table(
        "cells",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("image_id", sa.UUID(), nullable=False),
        sa.Column("row", sa.REAL(), nullable=False),
        sa.Column("column", sa.REAL(), nullable=False),
        sa.Column("area_um2", sa.REAL(), nullable=False),
        sa.Column("diameter_um", sa.REAL(), nullable=False),
        sa.Column("circularity", sa.REAL(), nullable=False),
        sa.Column("elongation", sa.REAL(), nullable=False),
        sa.Column("rim_contrast", sa.REAL(), nullable=False),
        sa.Column("rim_width_um", sa.REAL(), nullable=False),
        sa.Column("shading_angle", sa.REAL(), nullable=False),
        sa.Column("outline", sa.LargeBinary(), nullable=False),
        sa.Column("verdict", sa.String(), nullable=False),
        sa.Column("findings", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.CheckConstraint("verdict IN ('accepted','rejected')", name=op.f("ck_cells_verdict")),
        sa.ForeignKeyConstraint(["image_id"], ["images.id"], name=op.f("fk_cells_image_id_images")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cells")),
    )
    op.create_index(op.f("ix_cells_image_id"), "cells", ["image_id"], unique=False)
    op.create_table(
        "classifications",
        sa.Column("image_id", sa.UUID(), nullable=False),
        sa.Column("model_version_id", sa.UUID(), nullable=False),
        sa.Column("job_id", sa.UUID(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["image_id"], ["images.id"], name=op.f("fk_classifications_image_id_images")
        ),
        sa.ForeignKeyConstraint(
            ["model_version_id"],
            ["model_versions.id"],
            name=op.f("fk_classifications_model_version_id_model_versions"),
        ),
        sa.PrimaryKeyConstraint("image_id", "model_version_id", name=op.f("pk_classifications")),
    )
    op.create_table(
        "predictions",
        sa.Column("cell_id", sa.UUID(), nullable=False),
        sa.Column("model_version_id", sa.UUID(), nullable=False),
        sa.Column("p_deformable", sa.REAL(), nullable=False),
        sa.Column("p_outlet", postgresql.ARRAY(sa.REAL()), nullable=False),
        sa.ForeignKeyConstraint(
            ["cell_id"], ["cells.id"], name=op.f("fk_predictions_cell_id_cells"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["model_version_id"],
            ["model_versions.id"],
            name=op.f("fk_predictions_model_version_id_model_versions"),
        ),
        sa.PrimaryKeyConstraint("cell_id", "model_version_id", name=op.f("pk_predictions")),
    )

    op.execute(APPEND_ONLY)
    op.execute("INSERT INTO audit_head (id, seq, hash) VALUES (1, 0, repeat('0', 64))")


def downgrade() -> None:
    op.execute("DROP TRIGGER audit_is_append_only ON audit")
    op.execute("DROP FUNCTION refuse_audit_change")
    op.drop_table("predictions")
    op.drop_table("classifications")
    op.drop_index(op.f("ix_cells_image_id"), table_name="cells")
    op.drop_table("cells")
    op.drop_index(
        "ix_analysis_images_open",
        table_name="analysis_images",
        postgresql_where=sa.text("NOT is_done"),
    )
    op.drop_table("analysis_images")
    op.drop_index(op.f("ix_images_scan_id_verdict"), table_name="images")
    op.drop_table("images")
    op.drop_table("scores")
    op.drop_table("scans")
    op.drop_index(op.f("ix_wells_sample_id"), table_name="wells")
    op.drop_table("wells")
    op.drop_index(op.f("ix_reference_measurements_sample_id"), table_name="reference_measurements")
    op.drop_table("reference_measurements")
    op.drop_index(op.f("ix_analyses_sample_id_created_at"), table_name="analyses")
    op.drop_index(op.f("ix_analyses_model_version_id"), table_name="analyses")
    op.drop_table("analyses")
    op.drop_table("sign_in_links")
    op.drop_index(op.f("ix_samples_state_created_at"), table_name="samples")
    op.drop_index(op.f("ix_samples_donor_id"), table_name="samples")
    op.drop_index(op.f("ix_samples_din"), table_name="samples")
    op.drop_index(op.f("ix_samples_created_at_id"), table_name="samples")
    op.drop_index(op.f("ix_samples_accession_number"), table_name="samples")
    op.drop_table("samples")
    op.drop_index(op.f("ix_browser_sessions_account_id"), table_name="browser_sessions")
    op.drop_table("browser_sessions")
    op.drop_index(
        "uq_model_versions_active",
        table_name="model_versions",
        postgresql_where=sa.text("state = 'active'"),
    )
    op.drop_table("model_versions")
    op.drop_index(op.f("ix_jobs_subject_id"), table_name="jobs")
    op.drop_index(
        "ix_jobs_leases", table_name="jobs", postgresql_where=sa.text("state = 'running'")
    )
    op.drop_index("ix_jobs_due", table_name="jobs", postgresql_where=sa.text("state = 'queued'"))
    op.drop_table("jobs")
    op.drop_table("instrument_profiles")
    op.drop_table("idempotent_answers")
    op.drop_table("heartbeats")
    op.drop_table("donors")
    op.drop_table("audit_head")
    op.drop_index(op.f("ix_audit_entity_entity_id"), table_name="audit")
    op.drop_table("audit")
    op.drop_table("api_keys")
    op.drop_table("accounts")
