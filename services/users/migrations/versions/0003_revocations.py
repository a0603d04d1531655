"""What no longer counts although its signature is good, until it has expired by itself."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create the table."""
    op.execute(
        """
        CREATE TABLE revocations (
            kind text NOT NULL CHECK (kind IN ('user', 'login', 'key')),
            id uuid NOT NULL,
            epoch bigint NOT NULL,
            expires_at timestamptz NOT NULL,
            transaction xid8 NOT NULL DEFAULT pg_current_xact_id(),
            PRIMARY KEY (kind, id)
        )
        """
    )
    op.execute(
        "COMMENT ON COLUMN revocations.epoch IS "
        "'Of a user: his tokens of an earlier epoch are dead. Otherwise 0.'"
    )
    op.execute(
        "COMMENT ON COLUMN revocations.transaction IS "
        "'Place in the feed. Readers start at the oldest transaction that was running when they "
        "last looked, so that none is missed, in whatever order they commit.'"
    )
    op.execute("CREATE INDEX revocations_in_order ON revocations (transaction)")
    op.execute("CREATE INDEX revocations_by_end ON revocations (expires_at)")
