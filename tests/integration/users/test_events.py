"""What users tells other services."""

from __future__ import annotations

from typing import Any

import msgspec

from deploy.embedded.servers import NatsServer
from shared.contracts.events import Envelope
from shared.events.broker import STREAM, Broker
from tests.integration.users.conftest import SECRET, Account, Api, NewAccount, user_body
from tests.waiting import eventually

Told = list[tuple[str, dict[str, Any]]]


async def told_about(nats_server: NatsServer, user_id: str, count: int) -> Told:
    """The first events about an account, and that there are no more."""
    async with Broker.open(nats_server.url, "tests") as broker:
        jetstream = await broker.jetstream()

        async def look() -> Told | None:
            state = (await jetstream.stream_info(STREAM)).state
            told: Told = []
            for sequence in range(max(state.first_seq, 1), state.last_seq + 1):
                data = (await jetstream.get_msg(STREAM, sequence)).data or b""
                envelope = msgspec.json.decode(data, type=Envelope)
                event = msgspec.json.decode(envelope.data)
                if event.get("user_id") == user_id:
                    event.pop("epoch", None)  # a moment, tested where it is used
                    told.append((envelope.subject, event))
            return told if len(told) >= count else None

        return await eventually(look, what=f"{count} events")


async def test_each_change_is_told_once_and_without_values(
    users_api: Api, alice: Account, admin: Account, nats_server: NatsServer
) -> None:
    path = f"/users/{alice.id}"
    await users_api.patch(path, json={"name": "A", "metadata": {"k": 1}}, headers=alice.headers)
    await users_api.patch(f"{path}/tags", json={"tags": ["t"]}, headers=alice.headers)
    await users_api.patch(
        "/users/secret",
        json={"old_secret": SECRET, "new_secret": "another secret"},
        headers=alice.headers,
    )
    await users_api.post(f"{path}/disable", headers=admin.headers)
    await users_api.post(f"{path}/disable", headers=admin.headers)
    await users_api.post(f"{path}/enable", headers=admin.headers)

    told = await told_about(nats_server, alice.id, 6)

    assert told == [
        ("events.users.user.created", {"user_id": alice.id}),
        ("events.users.user.updated", {"user_id": alice.id, "members": ["name", "metadata"]}),
        ("events.users.user.updated", {"user_id": alice.id, "members": ["tags"]}),
        ("events.users.user.secret_changed", {"user_id": alice.id}),
        ("events.users.user.disabled", {"user_id": alice.id}),
        ("events.users.user.enabled", {"user_id": alice.id}),
    ]


async def test_the_owner_is_told_too(
    alice: Account, new_account: NewAccount, nats_server: NatsServer
) -> None:
    child = await new_account("child@example.com", by=alice)

    told = await told_about(nats_server, child.id, 1)

    assert told == [("events.users.user.created", {"user_id": child.id, "owner_id": alice.id})]


async def test_what_was_refused_is_not_told(
    users_api: Api, alice: Account, nats_server: NatsServer
) -> None:
    await users_api.post("/users", json=user_body(alice.identity))
    await users_api.post(f"/users/{alice.id}/enable", headers=alice.headers)
    await users_api.patch(f"/users/{alice.id}", json={"name": "last"}, headers=alice.headers)

    told = await told_about(nats_server, alice.id, 2)

    assert [subject for subject, _ in told] == [
        "events.users.user.created",
        "events.users.user.updated",
    ]
