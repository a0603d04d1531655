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
            name text NOT NULL,
            layout text NOT NULL,
            layout_version text NOT NULL,
            fingerprint bytea NOT NULL,
            claim_key text,
            status text NOT NULL CHECK (status IN (
                'running', 'active', 'broken', 'undoing', 'stuck', 'undone', 'deleted'
            )),
            goal text CHECK (goal IN ('undone', 'deleted')),
            keep_channels boolean NOT NULL DEFAULT false,
            is_hurt boolean NOT NULL DEFAULT false,
            reason text NOT NULL DEFAULT '',
            thing_ids uuid[] NOT NULL,
            channel_ids uuid[] NOT NULL,
            has_config boolean NOT NULL,
            sealed_plan bytea,
            sealed_answer bytea,
            steps jsonb NOT NULL DEFAULT '[]',
            lease_until timestamptz NOT NULL,
            created_at timestamptz NOT NULL DEFAULT now(),
            updated_at timestamptz NOT NULL DEFAULT now()
        )
        """
    )
    # claim_key is emptied when the external id becomes free, so history does not stand in the way.
    op.execute("CREATE UNIQUE INDEX mappings_claims ON mappings (claim_key)")
    # Whatever its layout, a gateway has one mapping of a user.
    op.execute(
        """
        CREATE UNIQUE INDEX mappings_one_of_owner ON mappings (owner_id, external_id)
        WHERE claim_key IS NOT NULL
        """
    )
    op.execute(
        """
        CREATE INDEX mappings_unfinished ON mappings (lease_until)
        WHERE status IN ('running', 'undoing', 'stuck')
        """
    )
    # Volatile, so that it sees what was committed while the claim waited for its turn.
    op.execute(
        """
        CREATE FUNCTION has_leftovers(of_owner uuid, of_external_id text) RETURNS boolean
        VOLATILE LANGUAGE plpgsql AS $$
        BEGIN
            RETURN EXISTS (
                SELECT FROM mappings
                WHERE external_id = of_external_id AND owner_id = of_owner AND claim_key IS NULL
                  AND status IN ('broken', 'undoing', 'stuck')
            );
        END
        $$
        """
    )
    op.execute(
        """
        CREATE INDEX mappings_of_the_past ON mappings (updated_at)
        WHERE status IN ('undone', 'deleted')
        """
    )
    op.execute("CREATE INDEX mappings_of_owner ON mappings (owner_id, created_at, id)")
    op.execute("CREATE INDEX mappings_of_gateway ON mappings (external_id, created_at)")
    op.execute(
        """
        CREATE TABLE mapping_things (
            thing_id uuid PRIMARY KEY,
            mapping_id uuid NOT NULL REFERENCES mappings (id) ON DELETE CASCADE
        )
        """
    )
