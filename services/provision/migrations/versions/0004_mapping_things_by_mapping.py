"""Things of a mapping are found by the mapping too."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the index."""
    # When old history is let go, PostgreSQL looks for each mapping whether it still has things.
    op.execute("CREATE INDEX mapping_things_by_mapping ON mapping_things (mapping_id)")
