"""How many mappings a user has, without counting them for each page."""

from alembic import op

from shared.postgres.owners import tallied

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create the counters and fill them."""
    for statement in tallied("mappings"):
        op.execute(statement)
