"""What mappings with certificates need besides."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the columns."""
    op.execute("ALTER TABLE mappings ADD has_certificates boolean NOT NULL DEFAULT false")
    op.execute("ALTER TABLE mappings ADD sealed_keys bytea")
    op.execute(
        """
        COMMENT ON COLUMN mappings.sealed_keys IS
            'Private keys, wiped when the gateway has fetched its config or after some days.'
        """
    )
    op.execute(
        """
        CREATE INDEX mappings_with_keys ON mappings (created_at) WHERE sealed_keys IS NOT NULL
        """
    )
