"""What many mappings need: they are counted by user, and sealed values are stored as they are."""

from alembic import op

from shared.postgres.owners import tallied

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create the counters and fill them; do not try to compress what looks like noise."""
    for statement in tallied("mappings"):
        op.execute(statement)
    for column in ("sealed_plan", "sealed_answer", "sealed_keys"):
        op.execute(f"ALTER TABLE mappings ALTER {column} SET STORAGE EXTERNAL")
