"""Certificates, and what became of them."""

from __future__ import annotations

from alembic import op

from shared.postgres.schema import KEY_CHECK_V1, OUTBOX_V1

revision = "0001"
down_revision = None

_TABLES = (
    """
    CREATE TABLE certificates (
        serial bytea PRIMARY KEY,
        thing_id uuid NOT NULL,
        owner_id uuid NOT NULL,
        issued_by uuid NOT NULL,
        mapping_id uuid,
        authority_id bytea NOT NULL,
        content bytea NOT NULL,
        created_at timestamptz NOT NULL,
        expires_at timestamptz NOT NULL,
        revoked_at timestamptz,
        reason text,
        is_announced boolean NOT NULL DEFAULT false,
        replaced_by bytea,
        CHECK ((revoked_at IS NULL) = (reason IS NULL))
    )
    """,
    "COMMENT ON COLUMN certificates.content IS 'DER; private keys are kept nowhere.'",
    """
    COMMENT ON COLUMN certificates.revoked_at IS
        'In the future for one that was renewed; is_announced is false until that has come, and'
        ' until then it can still be revoked for another reason.'
    """,
    "CREATE INDEX certificates_of_thing ON certificates (thing_id, expires_at, serial)",
    "CREATE INDEX certificates_of_owner ON certificates (owner_id, expires_at, serial)",
    """
    CREATE INDEX certificates_for_others ON certificates (issued_by, expires_at, serial)
    WHERE issued_by <> owner_id
    """,
    """
    CREATE INDEX certificates_of_mapping ON certificates (mapping_id)
    WHERE mapping_id IS NOT NULL
    """,
    """
    CREATE INDEX certificates_revoked ON certificates (authority_id, revoked_at, expires_at)
    WHERE revoked_at IS NOT NULL
    """,
    """
    CREATE INDEX certificates_unannounced ON certificates (revoked_at)
    WHERE revoked_at IS NOT NULL AND NOT is_announced
    """,
    """
    CREATE TABLE certificate_sets (
        mapping_id uuid PRIMARY KEY,
        owner_id uuid NOT NULL,
        created_at timestamptz NOT NULL,
        withdrawn_at timestamptz
    )
    """,
    """
    COMMENT ON TABLE certificate_sets IS
        'Mappings for which was signed, or for which nothing may be signed any more.'
    """,
    """
    CREATE INDEX certificate_sets_withdrawn ON certificate_sets (withdrawn_at)
    WHERE withdrawn_at IS NOT NULL
    """,
    """
    CREATE TABLE stopped_things (
        thing_id uuid PRIMARY KEY,
        stopped_at timestamptz NOT NULL
    )
    """,
    """
    COMMENT ON TABLE stopped_things IS
        'Disabled or deleted: a request that looked the thing up before that gets no certificate.'
    """,
    "CREATE INDEX stopped_things_by_age ON stopped_things (stopped_at)",
    """
    CREATE TABLE revocation_lists (
        authority_id bytea PRIMARY KEY,
        number bigint NOT NULL,
        signed_at timestamptz NOT NULL,
        content bytea NOT NULL,
        count bigint NOT NULL,
        newest timestamptz
    )
    """,
)


def upgrade() -> None:
    """Create the tables."""
    for statement in (*_TABLES, OUTBOX_V1, KEY_CHECK_V1):
        op.execute(statement)
