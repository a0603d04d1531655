"""A mapping fits into its row: plans are packed, and answers are made of them again."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Let go of answers, which things knows when it made; leave packed plans in their rows."""
    op.execute("ALTER TABLE mappings DROP COLUMN sealed_answer")
    # By default a row of more than 2 KB has its largest values stored beside the table.
    op.execute("ALTER TABLE mappings SET (toast_tuple_target = 4096)")
