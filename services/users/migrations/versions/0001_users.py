"""Accounts and the logins that go on by refresh tokens."""

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
        CREATE TABLE users (
            id uuid PRIMARY KEY,
            name text NOT NULL,
            identity text NOT NULL,
            canonical_identity text NOT NULL UNIQUE,
            secret_hash text NOT NULL,
            epoch bigint NOT NULL DEFAULT 0,
            owner_id uuid REFERENCES users (id),
            tags text[] NOT NULL,
            metadata jsonb NOT NULL,
            role text NOT NULL CHECK (role IN ('user', 'admin')),
            status text NOT NULL CHECK (status IN ('enabled', 'disabled')),
            created_at timestamptz NOT NULL,
            updated_at timestamptz NOT NULL,
            updated_by uuid
        )
        """
    )
    op.execute(
        "COMMENT ON COLUMN users.canonical_identity IS "
        "'The address in punycode and small letters; identity is as it was typed.'"
    )
    op.execute(
        "COMMENT ON COLUMN users.epoch IS "
        "'The moment in microseconds when all logins ended last; earlier tokens are dead.'"
    )
    op.execute("CREATE INDEX users_in_order ON users (created_at, id)")
    op.execute("CREATE INDEX users_of_owner ON users (owner_id, created_at, id)")
    op.execute("CREATE INDEX users_by_metadata ON users USING gin (metadata jsonb_path_ops)")
    op.execute("CREATE INDEX users_by_tag ON users USING gin (tags)")
    op.execute(
        """
        CREATE TABLE token_families (
            id uuid PRIMARY KEY,
            user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
            epoch bigint NOT NULL,
            current_id uuid NOT NULL,
            expires_at timestamptz NOT NULL
        )
        """
    )
    op.execute(
        "COMMENT ON COLUMN token_families.current_id IS "
        "'The one refresh token of this login that has not been used.'"
    )
    op.execute("CREATE INDEX token_families_of_user ON token_families (user_id, expires_at)")
    op.execute(
        """
        CREATE TABLE used_refresh_tokens (
            id uuid PRIMARY KEY,
            family_id uuid NOT NULL REFERENCES token_families (id) ON DELETE CASCADE,
            used_at timestamptz NOT NULL
        )
        """
    )
    op.execute("CREATE INDEX used_refresh_tokens_of_family ON used_refresh_tokens (family_id)")
