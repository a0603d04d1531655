"""The journal of mappings."""

from alembic import op

from shared.postgres.schema import KEY_CHECK_V1, OUTBOX_V1

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the tables."""
    op.execute(OUTBOX_V1)
    op.execute(KEY_CHECK_V1)
    op.execute(
        """
        CREATE TABLE mappings (
            id uuid PRIMARY KEY,
            owner_id uuid NOT NULL,
            external_id text NOT NULL,
            fingerprint bytea NOT NULL,
            claims boolean NOT NULL,
            status text NOT NULL
                CHECK (status IN ('running', 'active', 'undoing', 'undone')),
            reason text,
            sealed_plan bytea,
            sealed_answer bytea,
            steps jsonb NOT NULL DEFAULT '[]',
            lease_until timestamptz NOT NULL,
            created_at timestamptz NOT NULL DEFAULT now(),
            updated_at timestamptz NOT NULL DEFAULT now()
        )
        """
    )
    op.execute(
        "CREATE UNIQUE INDEX mappings_claimed_external_id ON mappings (external_id) WHERE claims"
    )
    op.execute(
        """
        CREATE INDEX mappings_unfinished ON mappings (lease_until)
        WHERE status IN ('running', 'undoing')
        """
    )
