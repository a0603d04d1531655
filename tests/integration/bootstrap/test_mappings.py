"""Provision makes a mapping's config exactly once, and takes it back for good."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from shared.contracts.bootstrap import ConfigChannelInput, State
from shared.postgres.pool import Connection, Database
from tests.fixtures.services import User
from tests.integration.bootstrap.mappings import Api, Mappings, make_channel, make_config
from tests.waiting import eventually

NewToken = Callable[..., str]


async def test_an_applied_config_is_active_and_complete_at_once(
    bootstrap_api: Api, mappings: Mappings, alice: User
) -> None:
    config = make_config(channels=[make_channel("control", "control")], client_cert="C")

    answer = await mappings.apply(uuid4(), config)

    viewed = await (await bootstrap_api.view(config.thing_id, alice)).json()
    assert answer.status == 204
    assert await answer.read() == b""
    assert viewed["state"] == 1
    assert len(viewed["channels"]) == 1


async def test_a_config_may_be_applied_inactive(
    bootstrap_api: Api, mappings: Mappings, alice: User
) -> None:
    config = await mappings.make(make_config(state=State.INACTIVE))

    viewed = await (await bootstrap_api.view(config.thing_id, alice)).json()

    assert viewed["state"] == 0


async def test_applying_again_answers_200_and_changes_nothing(
    bootstrap_api: Api, mappings: Mappings
) -> None:
    mapping_id, config = uuid4(), make_config()
    await mappings.apply(mapping_id, config)

    same = await mappings.apply(mapping_id, config)
    other = await mappings.apply(mapping_id, msgspec.structs.replace(config, content="other"))

    fetched = await bootstrap_api.fetch(config.external_id, config.external_key)
    assert [same.status, other.status] == [204, 204]
    assert (await fetched.json())["content"] == config.content


async def test_applying_many_times_at_once_makes_one_config(
    mappings: Mappings, database: Database
) -> None:
    mapping_id, config = uuid4(), make_config()

    answers = await asyncio.gather(*(mappings.apply(mapping_id, config) for _ in range(12)))

    assert Counter(answer.status for answer in answers) == {204: 12}
    assert await database.fetchval("SELECT count(*) FROM configs") == 1


async def test_an_external_id_is_taken_whoever_has_it(mappings: Mappings, bob: User) -> None:
    config = await mappings.make()
    wanted = make_config(external_id=config.external_id)

    own = await mappings.apply(uuid4(), wanted)
    anothers = await mappings.apply(uuid4(), wanted, owner=bob)

    for answer in (own, anothers):
        body = await answer.json()
        assert answer.status == 409
        assert body["code"] == "external_id_taken"
        assert body["message"] == "entity already exists"


async def test_a_refused_apply_leaves_nothing_and_may_succeed_later(
    mappings: Mappings, database: Database
) -> None:
    config = await mappings.make()
    mapping_id, wanted = uuid4(), make_config(external_id=config.external_id)

    refused = await mappings.apply(mapping_id, wanted)
    left = await database.fetchval(
        "SELECT count(*) FROM config_sets WHERE mapping_id = $1", mapping_id
    )
    accepted = await mappings.apply(
        mapping_id, msgspec.structs.replace(wanted, external_id="another")
    )

    assert (refused.status, left, accepted.status) == (409, 0, 204)


async def test_one_of_many_mappings_gets_an_external_id(
    bootstrap_api: Api, mappings: Mappings, database: Database
) -> None:
    configs = [make_config(external_id="wanted by all") for _ in range(12)]

    answers = await asyncio.gather(*(mappings.apply(uuid4(), config) for config in configs))

    fetched = await bootstrap_api.fetch("wanted by all", "label-key")
    (winner,) = [
        config for config, answer in zip(configs, answers, strict=True) if answer.status == 204
    ]
    assert Counter(answer.status for answer in answers) == {204: 1, 409: 11}
    assert (await fetched.json())["thing_id"] == str(winner.thing_id)
    assert await database.fetchval("SELECT count(*) FROM config_sets") == 1


async def test_a_thing_has_one_config_at_most(mappings: Mappings) -> None:
    config = await mappings.make()

    answer = await mappings.apply(uuid4(), make_config(thing_id=config.thing_id))

    assert answer.status == 409
    assert (await answer.json())["code"] == "thing_has_config"


async def test_a_withdrawn_config_is_gone_and_its_external_id_free(
    bootstrap_api: Api, mappings: Mappings
) -> None:
    mapping_id, config = uuid4(), make_config()
    await mappings.apply(mapping_id, config)

    answer = await mappings.withdraw(mapping_id)

    fetched = await bootstrap_api.fetch(config.external_id, config.external_key)
    next_one = await mappings.apply(uuid4(), config)
    assert (answer.status, fetched.status, next_one.status) == (204, 404, 204)


@pytest.mark.parametrize("was_applied", [True, False])
async def test_what_was_withdrawn_does_not_come_back(
    bootstrap_api: Api, mappings: Mappings, was_applied: bool
) -> None:
    mapping_id, config = uuid4(), make_config()
    if was_applied:
        await mappings.apply(mapping_id, config)
    first = await mappings.withdraw(mapping_id)
    second = await mappings.withdraw(mapping_id)

    answer = await mappings.apply(mapping_id, config)

    fetched = await bootstrap_api.fetch(config.external_id, config.external_key)
    assert [first.status, second.status, answer.status] == [204, 204, 409]
    assert (await answer.json())["code"] == "id_withdrawn"
    assert fetched.status == 404


async def test_a_withdrawal_waits_for_an_apply_on_its_way_and_removes_what_it_made(
    mappings: Mappings, database: Database
) -> None:
    blocking, config, mapping_id = await mappings.make(), make_config(), uuid4()

    async def until_waiting(count: int) -> None:
        async def look() -> bool:
            waiting: int = await database.fetchval(
                """
                SELECT count(*) FROM pg_stat_activity
                WHERE datname = current_database() AND wait_event_type = 'Lock'
                """
            )
            return waiting == count

        await eventually(look, what=f"{count} waiting")

    async def work(connection: Connection) -> tuple[asyncio.Task[Any], asyncio.Task[Any]]:
        # Until this ends, nobody can tell whether the external id is taken.
        await connection.execute(
            "UPDATE configs SET external_id = $1 WHERE thing_id = $2",
            config.external_id,
            blocking.thing_id,
        )
        applying = asyncio.create_task(mappings.apply(mapping_id, config))
        await until_waiting(1)
        withdrawing = asyncio.create_task(mappings.withdraw(mapping_id))
        await until_waiting(2)
        await connection.execute(
            "UPDATE configs SET external_id = $1 WHERE thing_id = $2",
            blocking.external_id,
            blocking.thing_id,
        )
        return applying, withdrawing

    applied, withdrawn = await asyncio.gather(*await database.transact(work))

    left = await database.fetch("SELECT thing_id FROM configs")
    assert (applied.status, withdrawn.status) == (204, 204)
    assert [row["thing_id"] for row in left] == [blocking.thing_id]


async def test_what_its_owner_removed_does_not_come_back(
    bootstrap_api: Api, mappings: Mappings, alice: User
) -> None:
    mapping_id, config = uuid4(), make_config()
    await mappings.apply(mapping_id, config)
    await bootstrap_api.client.delete(f"/things/configs/{config.thing_id}", headers=alice.headers)

    answer = await mappings.apply(mapping_id, config)

    assert answer.status == 409
    assert (await answer.json())["code"] == "id_withdrawn"


async def test_withdrawing_touches_no_other_config(bootstrap_api: Api, mappings: Mappings) -> None:
    config = await mappings.make()

    await mappings.withdraw(uuid4())

    fetched = await bootstrap_api.fetch(config.external_id, config.external_key)
    assert fetched.status == 200


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"external_id": ""}, "missing entity id"),
        ({"external_key": ""}, "missing external key"),
        ({"thing_secret": ""}, "missing thing secret"),
        ({"external_id": "ü" * 513}, "external id is longer than 1024 bytes"),
        ({"external_id": None}, "Expected `str`, got `null` - at `$.configs[...].external_id`"),
        ({"thing_id": "nope"}, "Invalid UUID - at `$.configs[...].thing_id`"),
        ({"state": 2}, "Invalid enum value 2 - at `$.configs[...].state`"),
        ({"name": "\0"}, "NUL character in a string"),
        (
            {"channels": [{"id": "nope", "name": ""}]},
            "Invalid UUID - at `$.configs[...].channels[0].id`",
        ),
    ],
)
async def test_a_config_that_makes_no_sense_is_refused(
    mappings: Mappings, database: Database, changes: dict[str, Any], error: str
) -> None:
    answer = await mappings.apply(uuid4(), msgspec.to_builtins(make_config()) | changes)

    assert answer.status == 400
    assert (await answer.json())["error"] == error
    assert await database.fetchval("SELECT count(*) FROM config_sets") == 0


async def test_metadata_of_any_shape_comes_back_as_it_was(
    bootstrap_api: Api, mappings: Mappings
) -> None:
    metadata: dict[str, Any] = {
        "type": ["control"],
        "deep": {"ü": [1, 2.5, None, True, 10**40, "\\u0000"]},
    }
    channel = ConfigChannelInput(id=uuid4(), name="odd", metadata=metadata)
    config = await mappings.make(make_config(channels=[channel]))

    answer = await bootstrap_api.fetch(config.external_id, config.external_key)

    assert (await answer.json())["channels"][0]["metadata"] == metadata


async def test_only_provision_with_the_mappings_own_token_may_apply(
    mappings: Mappings, alice: User, provision_token: NewToken
) -> None:
    mapping_id, config = uuid4(), make_config()
    tokens = {
        "a user's": alice.token,
        "another service's": provision_token(alice, mapping_id, service="things"),
        "another mapping's": provision_token(alice, uuid4()),
        "for cleaning up": provision_token(alice, mapping_id, scope=f"withdraw:{mapping_id}"),
        "without scope": provision_token(alice, mapping_id, scope=" "),
    }

    for name, token in tokens.items():
        answer = await mappings.apply(mapping_id, config, token=token)
        assert answer.status == 403, name
    missing = await mappings.apply(mapping_id, config, token="")
    assert missing.status == 401


async def test_only_provision_with_the_mappings_own_token_may_withdraw(
    bootstrap_api: Api, mappings: Mappings, alice: User, provision_token: NewToken
) -> None:
    mapping_id, config = uuid4(), make_config()
    await mappings.apply(mapping_id, config)
    tokens = {
        "a user's": alice.token,
        "another service's": provision_token(alice, mapping_id, service="things"),
        "another mapping's": provision_token(alice, uuid4()),
        "for another clean-up": provision_token(alice, mapping_id, scope=f"withdraw:{uuid4()}"),
    }

    for name, token in tokens.items():
        answer = await mappings.withdraw(mapping_id, token=token)
        assert answer.status == 403, name
    missing = await mappings.withdraw(mapping_id, token="")
    fetched = await bootstrap_api.fetch(config.external_id, config.external_key)
    assert (missing.status, fetched.status) == (401, 200)


async def test_a_token_must_name_every_mapping_that_is_withdrawn(
    bootstrap_api: Api,
    mappings: Mappings,
    database: Database,
    alice: User,
    provision_token: NewToken,
) -> None:
    named, unnamed = uuid4(), uuid4()
    await mappings.apply(named, make_config())
    await mappings.apply(unnamed, make_config())
    token = provision_token(alice, named, scope=f"withdraw:{named} withdraw:{uuid4()}")

    answer = await bootstrap_api.client.delete(
        "/internal/configs",
        json={"mapping_ids": [str(named), str(unnamed)]},
        headers={"Authorization": f"Bearer {token}"},
    )

    assert answer.status == 403
    assert await database.fetchval("SELECT count(*) FROM configs") == 2


async def test_a_token_for_cleaning_up_may_withdraw(
    bootstrap_api: Api, mappings: Mappings, alice: User, provision_token: NewToken
) -> None:
    mapping_id, config = uuid4(), make_config()
    await mappings.apply(mapping_id, config)

    token = provision_token(alice, mapping_id, scope=f"withdraw:{mapping_id}")
    answer = await mappings.withdraw(mapping_id, token=token)

    fetched = await bootstrap_api.fetch(config.external_id, config.external_key)
    assert (answer.status, fetched.status) == (204, 404)


async def test_another_users_mapping_can_neither_be_applied_nor_withdrawn(
    bootstrap_api: Api, mappings: Mappings, bob: User
) -> None:
    mapping_id, config = uuid4(), make_config()
    await mappings.apply(mapping_id, config)

    applied = await mappings.apply(mapping_id, config, owner=bob)
    withdrawn = await mappings.withdraw(mapping_id, owner=bob)

    fetched = await bootstrap_api.fetch(config.external_id, config.external_key)
    assert [applied.status, withdrawn.status, fetched.status] == [403, 403, 200]


@pytest.mark.parametrize("mapping_ids", [["nope"], [], "nope", [str(uuid4())] * 65])
async def test_mapping_ids_that_are_none_or_too_many_are_refused(
    bootstrap_api: Api, alice: User, provision_token: NewToken, mapping_ids: Any
) -> None:
    headers = {"Authorization": f"Bearer {provision_token(alice, uuid4())}"}

    answer = await bootstrap_api.client.delete(
        "/internal/configs", json={"mapping_ids": mapping_ids}, headers=headers
    )

    assert answer.status == 400
