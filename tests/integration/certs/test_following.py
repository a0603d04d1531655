"""What becomes of certificates when things change, and which events tell it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
import pytest_asyncio
from nats.js import JetStreamContext

from deploy.embedded.servers import NatsServer
from shared.contracts.events import Event, envelope
from shared.contracts.things_events import (
    ThingDisabled,
)
from shared.events.broker import STREAM, Broker
from shared.postgres.pool import Database
from tests.fixtures.services import User
from tests.integration.certs.conftest import CertsApi
from tests.waiting import eventually


@pytest_asyncio.fixture(loop_scope="module")
async def jetstream(nats_server: NatsServer) -> AsyncIterator[JetStreamContext]:
    """The event stream."""
    async with Broker.open(nats_server.url, "tests") as broker:
        yield await broker.jetstream()


async def told(jetstream: JetStreamContext, thing_id: str) -> list[tuple[str, dict[str, Any]]]:
    """What certs has told of a thing: subject's last word and members."""
    state = (await jetstream.stream_info(STREAM)).state
    found = []
    for sequence in range(max(state.first_seq, 1), state.last_seq + 1):
        message = await jetstream.get_msg(STREAM, sequence)
        subject, text = message.subject or "", message.data or b""
        if subject.startswith("events.certs.") and thing_id.encode() in text:
            found.append((subject.split(".")[-1], msgspec.json.decode(text)["data"]))
    return found


async def happen(jetstream: JetStreamContext, event: Event, occurred_at: datetime) -> None:
    """Publish an event as the things service does."""
    message = envelope(event, event_id=uuid4(), occurred_at=occurred_at, request_id="request")
    await jetstream.publish(event.subject, message, stream=STREAM)


async def is_without_certificates(api: CertsApi, user: User, thing_id: str) -> None:
    """Wait until a thing has no living certificate."""

    async def look() -> bool:
        return await api.serials(user, thing_id) == []

    await eventually(look, within_seconds=30, what="the revocation")


@pytest.mark.parametrize(
    ("method", "path", "reason"),
    [
        ("POST", "/things/{}/disable", "privilege_withdrawn"),
        ("DELETE", "/things/{}", "cessation_of_operation"),
    ],
)
async def test_a_thing_that_is_stopped_loses_its_certificates_for_good(
    certs_api: CertsApi,
    certs_database: Database,
    alice: User,
    method: str,
    path: str,
    reason: str,
) -> None:
    thing_id, other = [await certs_api.make_owned_thing(alice) for _ in range(2)]
    issued = await certs_api.issued(alice, thing_id)
    await certs_api.call("POST", f"/certs/{issued['cert_serial']}/renew", alice)
    untouched = await certs_api.issued(alice, other)

    await certs_api.things.call(method, path.format(thing_id), alice)
    await is_without_certificates(certs_api, alice, thing_id)
    await certs_api.things.call("POST", f"/things/{thing_id}/enable", alice)

    reasons = await certs_database.fetch(
        "SELECT reason FROM certificates WHERE thing_id = $1", UUID(thing_id)
    )
    assert [row["reason"] for row in reasons] == [reason] * 2
    assert await certs_api.serials(alice, thing_id) == []
    assert await certs_api.serials(alice, other) == [untouched["cert_serial"]]


async def test_late_news_do_not_reach_what_was_issued_since(
    certs_api: CertsApi, jetstream: JetStreamContext, alice: User
) -> None:
    thing_id = await certs_api.make_owned_thing(alice)
    early = await certs_api.issued(alice, thing_id)
    moment = datetime.now(UTC)
    late = await certs_api.issued(alice, thing_id)

    await happen(jetstream, ThingDisabled(thing_id=UUID(thing_id)), moment)

    async def is_revoked() -> bool:
        shown = await certs_api.call("GET", f"/certs/{early['cert_serial']}", alice)
        return "revocation_time" in shown.body

    await eventually(is_revoked, within_seconds=30)
    assert await certs_api.serials(alice, thing_id) == [late["cert_serial"]]


async def test_a_thing_stopped_while_its_certificate_is_being_made_gets_none(
    certs_api: CertsApi, certs_database: Database, alice: User
) -> None:
    thing_id = await certs_api.make_owned_thing(alice)
    soon = datetime.now(UTC) + timedelta(minutes=1)
    living = await certs_api.issued(alice, thing_id)
    await certs_database.execute(
        "INSERT INTO stopped_things (thing_id, stopped_at) VALUES ($1, $2)", UUID(thing_id), soon
    )

    issued = await certs_api.issue(alice, thing_id)
    renewed = await certs_api.call("POST", f"/certs/{living['cert_serial']}/renew", alice)

    assert issued.outcome == renewed.outcome == (409, "thing_disabled")
    assert await certs_api.serials(alice, thing_id) == [living["cert_serial"]]


async def test_a_thing_that_is_given_away_takes_its_certificates_along(
    certs_api: CertsApi, alice: User, bob: User
) -> None:
    thing_id = await certs_api.make_owned_thing(alice)
    issued = await certs_api.issued(alice, thing_id)

    await certs_api.things.call("PATCH", f"/things/{thing_id}/owner", alice, {"owner": str(bob.id)})

    async def is_bobs() -> bool:
        return await certs_api.serials(bob, thing_id) == [issued["cert_serial"]]

    await eventually(is_bobs, within_seconds=30)
    assert (await certs_api.call("DELETE", f"/certs/{thing_id}", bob)).status == 200


async def test_a_certificates_life_is_told_without_any_content(
    certs_api: CertsApi, certs_database: Database, jetstream: JetStreamContext, alice: User
) -> None:
    thing_id = await certs_api.make_owned_thing(alice)
    first = await certs_api.issued(alice, thing_id)
    second = (await certs_api.call("POST", f"/certs/{first['cert_serial']}/renew", alice)).body
    await certs_api.call("DELETE", f"/certs/{second['cert_serial']}", alice)
    # As if the time of grace had passed.
    await certs_database.execute(
        "UPDATE certificates SET revoked_at = now() WHERE thing_id = $1", UUID(thing_id)
    )

    async def has_run_out() -> list[tuple[str, dict[str, Any]]]:
        events = await told(jetstream, thing_id)
        return events if len(events) == 4 else []

    events = await eventually(has_run_out, within_seconds=30, what="four events")

    def name(one: dict[str, Any]) -> dict[str, str]:
        return {"serial": one["cert_serial"], "thing_id": thing_id}

    assert events == [
        ("issued", {"owner_id": str(alice.id), "certificates": [name(first)]}),
        (
            "renewed",
            {
                "owner_id": str(alice.id),
                "thing_id": thing_id,
                "serial": second["cert_serial"],
                "replaces": first["cert_serial"],
            },
        ),
        ("revoked", {"certificates": [name(second)], "reason": "unspecified"}),
        ("revoked", {"certificates": [name(first)], "reason": "superseded"}),
    ]


async def test_what_only_matters_to_requests_of_long_ago_is_forgotten_after_a_day(
    certs_api: CertsApi, certs_database: Database
) -> None:
    old, fresh = uuid4(), uuid4()
    for identity, hours in ((old, 25), (fresh, 23)):
        moment = datetime.now(UTC) - timedelta(hours=hours)
        await certs_database.execute(
            """
            INSERT INTO certificate_sets (mapping_id, owner_id, created_at, withdrawn_at)
            VALUES ($1, $1, $2, $2)
            """,
            identity,
            moment,
        )
        await certs_database.execute(
            "INSERT INTO stopped_things (thing_id, stopped_at) VALUES ($1, $2)", identity, moment
        )

    async def left() -> set[UUID]:
        rows = await certs_database.fetch(
            """
            SELECT mapping_id AS id FROM certificate_sets WHERE mapping_id = ANY ($1)
            UNION ALL SELECT thing_id FROM stopped_things WHERE thing_id = ANY ($1)
            """,
            [old, fresh],
        )
        return {row["id"] for row in rows}

    async def is_forgotten() -> bool:
        return old not in await left()

    await eventually(is_forgotten, within_seconds=30, what="forgetting")
    assert await left() == {fresh}
