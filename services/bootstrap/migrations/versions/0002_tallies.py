"""How many configs a user has, without counting them for each page."""

from alembic import op

from shared.postgres.owners import tallied

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the counters and fill them, and leave one index that begins with the owner."""
    for statement in tallied("configs"):
        op.execute(statement)
    op.execute("CREATE INDEX configs_by_state ON configs (state, owner_id, created_at, thing_id)")
    op.execute("DROP INDEX configs_of_owner_by_state")
