"""Things, channels, connections and the sets of mappings."""

from alembic import op

from shared.postgres.schema import KEY_CHECK_V1, OUTBOX_V1

revision = "0001"
down_revision = None

_STATEMENTS = (
    """
    CREATE TABLE things (
        id uuid PRIMARY KEY,
        owner_id uuid NOT NULL,
        mapping_id uuid,
        name text NOT NULL,
        tags text[] NOT NULL,
        secret bytea NOT NULL,
        secret_fingerprint bytea NOT NULL CONSTRAINT things_secret_taken UNIQUE,
        metadata jsonb NOT NULL,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL,
        updated_by uuid,
        status text NOT NULL CHECK (status IN ('enabled', 'disabled'))
    )
    """,
    "CREATE INDEX things_by_owner ON things (owner_id, status, created_at, id)",
    "CREATE INDEX things_by_name ON things (owner_id, name)",
    "CREATE INDEX things_by_creation ON things (lower(status), created_at, id)",
    "CREATE INDEX things_by_tag ON things USING gin (tags) WHERE tags <> '{}'",
    "CREATE INDEX things_by_metadata ON things USING gin (metadata jsonb_path_ops)",
    "COMMENT ON COLUMN things.mapping_id IS 'The set it was made with, which may withdraw it.'",
    """
    CREATE TABLE channels (
        id uuid PRIMARY KEY,
        owner_id uuid NOT NULL,
        mapping_id uuid,
        parent_id uuid CONSTRAINT channels_parent REFERENCES channels (id) ON DELETE SET NULL,
        name text NOT NULL,
        description text NOT NULL,
        metadata jsonb NOT NULL,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL,
        updated_by uuid,
        status text NOT NULL CHECK (status IN ('enabled', 'disabled'))
    )
    """,
    "CREATE INDEX channels_by_owner ON channels (owner_id, status, created_at, id)",
    "CREATE INDEX channels_by_name ON channels (owner_id, name)",
    "CREATE INDEX channels_by_creation ON channels (lower(status), created_at, id)",
    "CREATE INDEX channels_by_metadata ON channels USING gin (metadata jsonb_path_ops)",
    "CREATE INDEX channels_by_parent ON channels (parent_id) WHERE parent_id IS NOT NULL",
    """
    CREATE TABLE connections (
        thing_id uuid NOT NULL REFERENCES things (id) ON DELETE CASCADE,
        channel_id uuid NOT NULL REFERENCES channels (id) ON DELETE CASCADE,
        owner_id uuid NOT NULL,
        actions text[] NOT NULL,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL,
        updated_by uuid,
        PRIMARY KEY (thing_id, channel_id)
    )
    """,
    "CREATE INDEX connections_by_channel ON connections (channel_id)",
    "CREATE INDEX connections_by_owner ON connections (owner_id)",
    """
    CREATE TABLE shares (
        user_id uuid NOT NULL,
        channel_id uuid NOT NULL REFERENCES channels (id) ON DELETE CASCADE,
        owner_id uuid NOT NULL,
        actions text[] NOT NULL,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL,
        updated_by uuid,
        PRIMARY KEY (user_id, channel_id)
    )
    """,
    "COMMENT ON TABLE shares IS 'What users may do with channels of others and their things.'",
    "CREATE INDEX shares_by_channel ON shares (channel_id)",
    "CREATE INDEX shares_by_owner ON shares (owner_id)",
    """
    CREATE TABLE entity_sets (
        mapping_id uuid PRIMARY KEY,
        owner_id uuid NOT NULL,
        thing_ids uuid[] NOT NULL,
        channel_ids uuid[] NOT NULL,
        created_at timestamptz NOT NULL,
        withdrawn_at timestamptz
    )
    """,
    """
    CREATE INDEX entity_sets_withdrawn ON entity_sets (withdrawn_at)
    WHERE withdrawn_at IS NOT NULL
    """,
    """
    COMMENT ON TABLE entity_sets IS
        'Claims on mapping ids: a withdrawn one keeps its set from being made later.'
    """,
    """
    CREATE TABLE withdrawn_ids (
        id uuid PRIMARY KEY,
        withdrawn_at timestamptz NOT NULL
    )
    """,
    "COMMENT ON TABLE withdrawn_ids IS 'Ids of which nothing may be made for a day.'",
    "CREATE INDEX withdrawn_ids_by_age ON withdrawn_ids (withdrawn_at)",
    """
    CREATE TABLE tallies (
        owner_id uuid NOT NULL,
        entity text NOT NULL,
        status text NOT NULL,
        slot integer NOT NULL,
        entries bigint NOT NULL,
        PRIMARY KEY (owner_id, entity, status, slot)
    ) WITH (fillfactor = 50)
    """,
    "COMMENT ON TABLE tallies IS 'How many of each there are: the sum over all slots.'",
    """
    CREATE TABLE anchors (
        owner_id uuid NOT NULL,
        status text NOT NULL,
        created_at timestamptz NOT NULL,
        id uuid NOT NULL,
        entries bigint NOT NULL,
        PRIMARY KEY (owner_id, status, created_at, id)
    ) WITH (fillfactor = 50)
    """,
    """
    COMMENT ON TABLE anchors IS
        'Places in the list of an owner''s things; entries are those since the place before.'
    """,
    # Counters and anchors, and what was withdrawn: see docs/adr/0007-counters.md. Each statement
    # of a function sees what was committed before it, so also before the lock was had.
    """
    CREATE FUNCTION tally_made() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_advisory_xact_lock_shared(hashtextextended(owner_id::text, 0))
        FROM (SELECT DISTINCT owner_id FROM made ORDER BY owner_id) AS owners;
        IF EXISTS (SELECT FROM made JOIN withdrawn_ids USING (id)) THEN
            RAISE EXCEPTION 'id withdrawn'
            USING ERRCODE = 'unique_violation', CONSTRAINT = 'withdrawn_ids_pkey';
        END IF;
        INSERT INTO tallies (owner_id, entity, status, slot, entries)
        SELECT owner_id, TG_ARGV[0], status, pg_backend_pid() % 16, count(*)
        FROM made
        GROUP BY owner_id, status
        ORDER BY owner_id, status
        ON CONFLICT (owner_id, entity, status, slot) DO UPDATE
        SET entries = tallies.entries + excluded.entries;
        IF TG_ARGV[0] = 'thing' AND EXISTS (
            SELECT
            FROM (SELECT owner_id, status, min(created_at) AS created_at
                  FROM made GROUP BY owner_id, status) AS oldest
            JOIN anchors USING (owner_id, status)
            WHERE anchors.created_at >= oldest.created_at
        ) THEN
            UPDATE anchors SET entries = anchors.entries + moved.entries
            FROM (
                SELECT next.owner_id, next.status, next.created_at, next.id, count(*) AS entries
                FROM made CROSS JOIN LATERAL (
                    SELECT * FROM anchors AS anchor
                    WHERE anchor.owner_id = made.owner_id AND anchor.status = made.status
                      AND (anchor.created_at, anchor.id) > (made.created_at, made.id)
                    ORDER BY anchor.created_at, anchor.id LIMIT 1
                ) AS next
                GROUP BY next.owner_id, next.status, next.created_at, next.id
            ) AS moved
            WHERE (anchors.owner_id, anchors.status, anchors.created_at, anchors.id)
                = (moved.owner_id, moved.status, moved.created_at, moved.id);
        END IF;
        RETURN NULL;
    END
    $$
    """,
    """
    CREATE FUNCTION tally_gone() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_advisory_xact_lock_shared(hashtextextended(owner_id::text, 0))
        FROM (SELECT DISTINCT owner_id FROM gone ORDER BY owner_id) AS owners;
        INSERT INTO tallies (owner_id, entity, status, slot, entries)
        SELECT owner_id, TG_ARGV[0], status, pg_backend_pid() % 16, -count(*)
        FROM gone
        GROUP BY owner_id, status
        ORDER BY owner_id, status
        ON CONFLICT (owner_id, entity, status, slot) DO UPDATE
        SET entries = tallies.entries + excluded.entries;
        IF TG_ARGV[0] = 'thing' THEN
            UPDATE anchors SET entries = anchors.entries - moved.entries
            FROM (
                SELECT next.owner_id, next.status, next.created_at, next.id, count(*) AS entries
                FROM gone CROSS JOIN LATERAL (
                    SELECT * FROM anchors AS anchor
                    WHERE anchor.owner_id = gone.owner_id AND anchor.status = gone.status
                      AND (anchor.created_at, anchor.id) > (gone.created_at, gone.id)
                    ORDER BY anchor.created_at, anchor.id LIMIT 1
                ) AS next
                GROUP BY next.owner_id, next.status, next.created_at, next.id
            ) AS moved
            WHERE (anchors.owner_id, anchors.status, anchors.created_at, anchors.id)
                = (moved.owner_id, moved.status, moved.created_at, moved.id);
        END IF;
        RETURN NULL;
    END
    $$
    """,
    """
    CREATE FUNCTION tally_moved() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NOT EXISTS (
            SELECT FROM made JOIN gone USING (id)
            WHERE (made.owner_id, made.status) <> (gone.owner_id, gone.status)
        ) THEN
            RETURN NULL;
        END IF;
        PERFORM pg_advisory_xact_lock_shared(hashtextextended(owner_id::text, 0))
        FROM (SELECT owner_id FROM made UNION SELECT owner_id FROM gone ORDER BY 1) AS owners;
        INSERT INTO tallies (owner_id, entity, status, slot, entries)
        SELECT owner_id, TG_ARGV[0], status, pg_backend_pid() % 16, sum(entries)
        FROM (SELECT owner_id, status, 1 AS entries FROM made
              UNION ALL SELECT owner_id, status, -1 FROM gone) AS changed
        GROUP BY owner_id, status
        HAVING sum(entries) <> 0
        ORDER BY owner_id, status
        ON CONFLICT (owner_id, entity, status, slot) DO UPDATE
        SET entries = tallies.entries + excluded.entries;
        IF TG_ARGV[0] = 'thing' THEN
            UPDATE anchors SET entries = anchors.entries + moved.entries
            FROM (
                SELECT next.owner_id, next.status, next.created_at, next.id,
                       sum(changed.entries) AS entries
                FROM (SELECT owner_id, status, created_at, id, 1 AS entries FROM made
                      UNION ALL SELECT owner_id, status, created_at, id, -1 FROM gone) AS changed
                CROSS JOIN LATERAL (
                    SELECT * FROM anchors AS anchor
                    WHERE anchor.owner_id = changed.owner_id AND anchor.status = changed.status
                      AND (anchor.created_at, anchor.id) > (changed.created_at, changed.id)
                    ORDER BY anchor.created_at, anchor.id LIMIT 1
                ) AS next
                GROUP BY next.owner_id, next.status, next.created_at, next.id
            ) AS moved
            WHERE (anchors.owner_id, anchors.status, anchors.created_at, anchors.id)
                = (moved.owner_id, moved.status, moved.created_at, moved.id);
        END IF;
        RETURN NULL;
    END
    $$
    """,
    *(
        f"CREATE TRIGGER {table}_{name} AFTER {operation} ON {table} REFERENCING {rows} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {name}('{entity}')"
        for table, entity in (("things", "thing"), ("channels", "channel"))
        for name, operation, rows in (
            ("tally_made", "INSERT", "NEW TABLE AS made"),
            ("tally_gone", "DELETE", "OLD TABLE AS gone"),
            ("tally_moved", "UPDATE", "OLD TABLE AS gone NEW TABLE AS made"),
        )
    ),
    OUTBOX_V1,
    KEY_CHECK_V1,
)


def upgrade() -> None:
    """Create the tables."""
    for statement in _STATEMENTS:
        op.execute(statement)
