"""Groups of users, and policies: who may do what in which group."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the tables."""
    op.execute(
        """
        CREATE TABLE groups (
            id uuid PRIMARY KEY,
            owner_id uuid NOT NULL REFERENCES users (id),
            parent_id uuid REFERENCES groups (id),
            name text NOT NULL,
            description text NOT NULL,
            metadata jsonb NOT NULL,
            status text NOT NULL CHECK (status IN ('enabled', 'disabled')),
            created_at timestamptz NOT NULL,
            updated_at timestamptz NOT NULL,
            updated_by uuid,
            UNIQUE (owner_id, name),
            CHECK (parent_id <> id)
        )
        """
    )
    op.execute("CREATE INDEX groups_in_order ON groups (created_at, id)")
    op.execute("CREATE INDEX groups_of_parent ON groups (parent_id)")
    op.execute("CREATE INDEX groups_by_metadata ON groups USING gin (metadata jsonb_path_ops)")
    op.execute(
        """
        CREATE TABLE policies (
            subject uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
            object uuid NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
            owner_id uuid NOT NULL REFERENCES users (id),
            actions text[] NOT NULL CHECK (actions <> '{}'),
            created_at timestamptz NOT NULL,
            updated_at timestamptz NOT NULL,
            updated_by uuid,
            PRIMARY KEY (subject, object)
        )
        """
    )
    op.execute(
        "COMMENT ON COLUMN policies.owner_id IS "
        "'Who made the policy, and so may change and remove it.'"
    )
    op.execute("CREATE INDEX policies_of_object ON policies (object)")
    op.execute("CREATE INDEX policies_of_owner ON policies (owner_id, created_at)")
