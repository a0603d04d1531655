"""Who gets hold of the database learns no key."""

from __future__ import annotations

import pytest

from services.bootstrap.app import create_app
from services.bootstrap.settings import BootstrapSettings
from shared.postgres.pool import Database
from shared.settings import SettingsError
from tests.fixtures.services import MakeSettings, User
from tests.integration.bootstrap.mappings import Api, Mappings, make_config

EXTERNAL_KEY, THING_KEY, CLIENT_KEY = "external-in-clear", "thing-in-clear", "client-in-clear"


async def stored(database: Database) -> bytes:
    """Everything in the tables that hold configs and events, as bytes."""
    parts = []
    for table in ("configs", "config_sets", "outbox"):
        for row in await database.fetch(f"SELECT * FROM {table}"):  # noqa: S608 - fixed names
            parts += [value if isinstance(value, bytes) else str(value).encode() for value in row]
    return b"\n".join(parts)


async def test_no_key_is_readable_in_the_database(
    bootstrap_api: Api, mappings: Mappings, database: Database, alice: User
) -> None:
    config = await mappings.make(
        make_config(external_key=EXTERNAL_KEY, thing_secret=THING_KEY, client_key=CLIENT_KEY)
    )
    other = await mappings.make()
    await bootstrap_api.client.patch(
        f"/things/configs/certs/{other.thing_id}",
        json={"client_key": CLIENT_KEY, "client_cert": "in clear"},
        headers=alice.headers,
    )

    content = await stored(database)

    assert config.external_id.encode() in content
    assert b"in clear" in content
    keys = (EXTERNAL_KEY, THING_KEY, CLIENT_KEY)
    assert [key for key in keys if key.encode() in content] == []


async def test_equal_keys_are_stored_differently(mappings: Mappings, database: Database) -> None:
    for _ in range(2):
        await mappings.make(
            make_config(external_key="same", thing_secret="same", client_key="same")
        )

    rows = await database.fetch("SELECT external_key, thing_key, client_key FROM configs")

    assert len({value for row in rows for value in row}) == 6


@pytest.mark.parametrize("key", ["short", "k" * 15, "k" * 17, "k" * 33, "ü" * 16 + "k"])
async def test_a_fetch_key_of_a_wrong_length_stops_the_start(
    make_settings: MakeSettings[BootstrapSettings], key: str
) -> None:
    settings = await make_settings(BootstrapSettings, "bootstrap", BOOTSTRAP_ENCRYPT_KEY=key)

    with pytest.raises(SettingsError, match="SMQ_BOOTSTRAP_ENCRYPT_KEY has") as refused:
        create_app(settings)

    assert key not in str(refused.value)
