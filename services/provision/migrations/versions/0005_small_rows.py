"""A mapping fits into its row: plans are packed, and answers are made of them again."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Drop the answers: they follow from the plan and from when things made the set."""
    op.execute("ALTER TABLE mappings DROP COLUMN sealed_answer")
