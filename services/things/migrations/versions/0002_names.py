"""Names are looked up by an index that cannot be mistaken for an owner's list."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Put the name first: with the owner first, PostgreSQL may read a list in the names' order."""
    for table in ("things", "channels"):
        op.execute(f"CREATE INDEX {table}_named ON {table} (name, owner_id)")
        op.execute(f"DROP INDEX {table}_by_name")
