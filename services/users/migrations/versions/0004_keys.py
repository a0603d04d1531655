"""API keys: opaque, limited to scopes, without a password's rights."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Create the table."""
    op.execute(
        """
        CREATE TABLE api_keys (
            id uuid PRIMARY KEY,
            user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
            name text NOT NULL,
            scopes text[] NOT NULL CHECK (scopes <> '{}'),
            secret_hash bytea NOT NULL,
            created_at timestamptz NOT NULL,
            expires_at timestamptz,
            last_used_at timestamptz
        )
        """
    )
    op.execute("COMMENT ON COLUMN api_keys.secret_hash IS 'SHA-256; the secret is random.'")
    op.execute("CREATE INDEX api_keys_of_user ON api_keys (user_id, created_at, id)")
