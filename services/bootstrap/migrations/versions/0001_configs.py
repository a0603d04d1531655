"""Configs, and the mappings that made them."""

from __future__ import annotations

from alembic import op

from shared.postgres.schema import KEY_CHECK_V1, OUTBOX_V1

revision = "0001"
down_revision = None

_TABLES = (
    """
    CREATE TABLE configs (
        thing_id uuid PRIMARY KEY,
        owner_id uuid NOT NULL,
        external_id text NOT NULL,
        external_key bytea NOT NULL,
        thing_key bytea NOT NULL,
        thing_key_fingerprint bytea NOT NULL,
        name text NOT NULL,
        content text NOT NULL,
        channels jsonb NOT NULL,
        client_cert text NOT NULL,
        client_key bytea,
        ca_cert text NOT NULL,
        state smallint NOT NULL CHECK (state IN (0, 1)),
        mapping_id uuid,
        connected_at timestamptz,
        changing uuid,
        changing_until timestamptz,
        changing_channels uuid[],
        first_fetched_at timestamptz,
        last_fetch_at timestamptz,
        last_fetch_address text,
        last_fetch_result text,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL,
        CONSTRAINT configs_external_id_key UNIQUE (external_id),
        CONSTRAINT configs_mapping_id_key UNIQUE (mapping_id)
    )
    """,
    "COMMENT ON COLUMN configs.external_key IS 'Sealed, as are thing_key and client_key.'",
    "COMMENT ON COLUMN configs.channels IS 'With id, name, metadata and seen_at, as given.'",
    "COMMENT ON COLUMN configs.state IS '1: the thing is connected to the channels.'",
    "COMMENT ON COLUMN configs.connected_at IS 'Before the call that last connected all of them.'",
    """
    COMMENT ON COLUMN configs.changing IS
        'The change that has the config for itself until changing_until; if that has passed, it was'
        ' given up, and what is connected is not known.'
    """,
    "COMMENT ON COLUMN configs.changing_channels IS 'Further ones that the change may connect.'",
    "CREATE INDEX configs_of_owner ON configs (owner_id, created_at, thing_id)",
    "CREATE INDEX configs_of_owner_by_state ON configs (owner_id, state, created_at, thing_id)",
    "CREATE INDEX configs_by_thing_key ON configs (thing_key_fingerprint)",
    """
    CREATE INDEX configs_by_channel ON configs
    USING gin (jsonb_path_query_array(channels, '$[*].id'))
    """,
    """
    CREATE TABLE config_sets (
        mapping_id uuid PRIMARY KEY,
        owner_id uuid NOT NULL,
        created_at timestamptz NOT NULL,
        withdrawn_at timestamptz
    )
    """,
    """
    COMMENT ON TABLE config_sets IS
        'Mappings that have made a config or may make none: a row without one is a tombstone.'
    """,
)


def upgrade() -> None:
    """Create the tables."""
    for statement in (*_TABLES, OUTBOX_V1, KEY_CHECK_V1):
        op.execute(statement)
