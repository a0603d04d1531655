"""Links by mail for forgotten passwords."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Create the table."""
    op.execute(
        """
        CREATE TABLE password_resets (
            token_hash bytea PRIMARY KEY,
            user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
            epoch bigint NOT NULL,
            expires_at timestamptz NOT NULL
        )
        """
    )
    op.execute("COMMENT ON COLUMN password_resets.token_hash IS 'SHA-256; the token is random.'")
    op.execute(
        "COMMENT ON COLUMN password_resets.epoch IS "
        "'The account''s when the link was asked for; any new password since then ends the link.'"
    )
    op.execute("CREATE INDEX password_resets_of_user ON password_resets (user_id)")
    op.execute("CREATE INDEX password_resets_by_end ON password_resets (expires_at)")
