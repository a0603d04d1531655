"""Looking at certificates, renewing and revoking them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from urllib.parse import quote
from uuid import uuid4

from cryptography import x509
from pytest_aiohttp.plugin import AiohttpClient

from services.certs.app import create_app
from services.certs.settings import CertsSettings
from shared.clock import parse_timestamp, timestamp
from shared.pki import KeyKind, make_key, make_request
from tests.fixtures.services import User
from tests.integration.certs.conftest import CertsApi

UNKNOWN = ":".join(["ab"] * 16)
NOBODYS = "00000000-0000-0000-0000-000000000000"


async def test_a_certificate_is_shown_by_its_serial_and_without_the_key(
    certs_api: CertsApi, alice: User, bob: User
) -> None:
    issued = await certs_api.issued(alice, await certs_api.make_owned_thing(alice))
    serial = issued["cert_serial"]
    spellings = [serial, serial.upper(), serial.replace(":", ""), quote(serial, safe="")]

    shown = [await certs_api.call("GET", f"/certs/{one}", alice) for one in spellings]

    assert [one.body for one in shown] == [issued | {"client_key": ""}] * 4
    for path, user in [
        (serial, bob),
        (UNKNOWN, alice),
        ("nope", alice),
        (serial.replace(":", "-"), alice),
        ("%00", alice),
        (NOBODYS, alice),
    ]:
        answer = await certs_api.call("GET", f"/certs/{path}", user)
        assert answer.outcome == (404, "certificate_not_found")


async def test_serials_of_a_thing_are_listed_by_expiry_in_pages(
    certs_api: CertsApi, alice: User, bob: User
) -> None:
    thing_id = await certs_api.make_owned_thing(alice)
    later = await certs_api.issued(alice, thing_id, ttl="48h")
    sooner = await certs_api.issued(alice, thing_id, ttl="24h")
    await certs_api.issued(alice, await certs_api.make_owned_thing(alice))

    page = await certs_api.call("GET", f"/serials/{thing_id}", alice)
    second = await certs_api.call("GET", f"/serials/{thing_id}?offset=1&limit=1", alice)
    beyond = await certs_api.call("GET", f"/serials/{thing_id}?offset=7", alice)

    assert page.body == {
        "total": 2,
        "offset": 0,
        "limit": 10,
        "certs": [
            {
                "thing_id": thing_id,
                "client_cert": "",
                "client_key": "",
                "cert_serial": one["cert_serial"],
                "expiration": one["expiration"],
            }
            for one in (sooner, later)
        ],
        "serials": [sooner["cert_serial"], later["cert_serial"]],
    }
    assert second.body["serials"] == [later["cert_serial"]]
    assert (beyond.body["total"], beyond.body["certs"]) == (2, [])
    for path, user in [(thing_id, bob), (NOBODYS, alice), ("nope", alice)]:
        assert (await certs_api.call("GET", f"/serials/{path}", user)).body["total"] == 0
    for query in ("limit=101", "limit=0", "limit=x", "limit=", "offset=-1", "limit=1&limit=2"):
        for path in ("/certs", f"/serials/{thing_id}"):
            assert (await certs_api.call("GET", f"{path}?{query}", alice)).status == 400


async def test_what_expires_before_a_time_is_found_across_all_things(
    certs_api: CertsApi, alice: User, bob: User
) -> None:
    things = [await certs_api.make_owned_thing(alice) for _ in range(3)]
    soon, renewed, late = [
        (await certs_api.issued(alice, thing, ttl=ttl))["cert_serial"]
        for thing, ttl in zip(things, ("24h", "25h", "900h"), strict=True)
    ]
    await certs_api.call("POST", f"/certs/{renewed}/renew", alice, {"ttl": "1000h"})
    limit = quote(timestamp(datetime.now(UTC) + timedelta(hours=100)))

    found = await certs_api.call("GET", f"/certs?expires_before={limit}", alice)
    everything = await certs_api.call("GET", "/certs", alice)

    assert found.body["serials"] == [soon]
    assert everything.body["serials"][:2] == [soon, late]
    assert everything.body["total"] == 3
    assert (await certs_api.call("GET", "/certs", bob)).body["total"] == 0
    wrong = await certs_api.call("GET", "/certs?expires_before=tomorrow", alice)
    assert wrong.outcome == (400, "invalid_input")


async def test_a_serial_revokes_one_certificate_and_a_thing_all_of_its(
    certs_api: CertsApi, alice: User, bob: User
) -> None:
    thing_id = await certs_api.make_owned_thing(alice)
    first, *others = [(await certs_api.issued(alice, thing_id))["cert_serial"] for _ in range(3)]
    other_thing = await certs_api.make_owned_thing(alice)
    untouched = (await certs_api.issued(alice, other_thing))["cert_serial"]
    before = datetime.now(UTC).replace(microsecond=0)

    foreign = [await certs_api.call("DELETE", f"/certs/{one}", bob) for one in (first, thing_id)]
    one = await certs_api.call("DELETE", f"/certs/{first}", alice)
    left = await certs_api.serials(alice, thing_id)
    rest = await certs_api.call("DELETE", f"/certs/{thing_id}", alice)

    assert [answer.outcome for answer in foreign] == [(404, "nothing_to_revoke")] * 2
    assert (one.status, rest.status) == (200, 200)
    assert before <= parse_timestamp(one.body["revocation_time"]) <= datetime.now(UTC)
    assert set(one.body) == {"revocation_time"}
    assert sorted(left) == sorted(others)
    assert await certs_api.serials(alice, thing_id) == []
    assert await certs_api.serials(alice, other_thing) == [untouched]
    for target in (first, others[0], thing_id, UNKNOWN, NOBODYS, "nope"):
        again = await certs_api.call("DELETE", f"/certs/{target}", alice)
        assert again.outcome == (404, "nothing_to_revoke")
    shown = await certs_api.call("GET", f"/certs/{first}", alice)
    assert shown.body["revocation_time"][:19] == one.body["revocation_time"][:19]


async def test_a_renewed_certificate_stays_good_for_the_time_of_grace(
    certs_api: CertsApi, alice: User
) -> None:
    thing_id = await certs_api.make_owned_thing(alice)
    old = await certs_api.issued(alice, thing_id, ttl="48h")

    answer = await certs_api.call("POST", f"/certs/{old['cert_serial']}/renew", alice)

    new = answer.body
    shown = (await certs_api.call("GET", f"/certs/{old['cert_serial']}", alice)).body
    left = parse_timestamp(shown["revocation_time"]) - datetime.now(UTC)
    lifetime = parse_timestamp(new["expiration"]) - datetime.now(UTC)
    assert answer.status == 201
    assert answer.headers["Location"] == f"/certs/{new['cert_serial']}"
    assert new["client_key"]
    assert new["thing_id"] == thing_id
    assert timedelta(days=6, hours=23) < left < timedelta(days=7)
    assert timedelta(hours=47, minutes=59) < lifetime <= timedelta(hours=48, seconds=2)
    assert sorted(await certs_api.serials(alice, thing_id)) == sorted(
        [old["cert_serial"], new["cert_serial"]]
    )
    assert (await certs_api.call("DELETE", f"/certs/{old['cert_serial']}", alice)).status == 200


async def test_a_renewal_takes_a_request_and_another_lifetime(
    certs_api: CertsApi, alice: User
) -> None:
    old = await certs_api.issued(alice, await certs_api.make_owned_thing(alice))
    key = make_key(KeyKind())
    wish = {"csr": make_request(key, uuid4()), "ttl": "2h"}

    renewed = await certs_api.call("POST", f"/certs/{old['cert_serial']}/renew", alice, wish)

    certificate = x509.load_pem_x509_certificate(renewed.body["client_cert"].encode())
    assert certificate.public_key() == key.public_key()
    assert renewed.body["client_key"] == ""
    assert parse_timestamp(renewed.body["expiration"]) < datetime.now(UTC) + timedelta(hours=3)


async def test_what_is_renewed_revoked_foreign_or_of_a_stopped_thing_is_not_renewed(
    certs_api: CertsApi, alice: User, bob: User
) -> None:
    things = [await certs_api.make_owned_thing(alice) for _ in range(3)]
    renewed, revoked, stopped = [
        (await certs_api.issued(alice, thing))["cert_serial"] for thing in things
    ]
    successor = await certs_api.call("POST", f"/certs/{renewed}/renew", alice)
    await certs_api.call("DELETE", f"/certs/{revoked}", alice)
    await certs_api.things.call("POST", f"/things/{things[2]}/disable", alice)

    async def renew(serial: str, user: User, body: object = None) -> tuple[int, str]:
        answer = await certs_api.call("POST", f"/certs/{serial}/renew", user, body)
        return answer.outcome

    assert await renew(renewed, bob) == (404, "certificate_not_found")
    assert await renew(UNKNOWN, alice) == (404, "certificate_not_found")
    assert await renew(revoked, alice) == (409, "certificate_revoked")
    assert (await renew(stopped, alice))[0] == 409
    again = await certs_api.call("POST", f"/certs/{renewed}/renew", alice)
    assert again.outcome == (409, "already_renewed")
    assert again.body["details"] == {"cert_serial": successor.body["cert_serial"]}
    living = successor.body["cert_serial"]
    assert await renew(living, alice, {"ttl": "-1h"}) == (400, "ttl_invalid")
    assert await renew(living, alice, {"csr": "nope"}) == (400, "csr_invalid")
    assert await renew(living, alice, {"key_bits": 7}) == (400, "key_invalid")
    assert await renew(living, alice, []) == (400, "invalid_input")


async def test_renewals_and_revocations_at_the_same_moment_happen_once(
    certs_api: CertsApi, alice: User
) -> None:
    thing_id = await certs_api.make_owned_thing(alice)
    path = f"/certs/{(await certs_api.issued(alice, thing_id))['cert_serial']}"

    renewals = await asyncio.gather(
        *(certs_api.call("POST", f"{path}/renew", alice) for _ in range(6))
    )
    living = len(await certs_api.serials(alice, thing_id))
    revocations = await asyncio.gather(
        *(certs_api.call("DELETE", f"/certs/{thing_id}", alice) for _ in range(6))
    )

    assert sorted(one.status for one in renewals) == [201] + [409] * 5
    assert living == 2
    assert sorted(one.status for one in revocations) == [200] + [404] * 5


async def test_certificates_and_authority_are_the_same_after_a_restart(
    certs_api: CertsApi, certs_settings: CertsSettings, alice: User, aiohttp_client: AiohttpClient
) -> None:
    issued = await certs_api.issued(alice, await certs_api.make_owned_thing(alice))

    again = CertsApi(await aiohttp_client(create_app(certs_settings)))

    shown = await again.call("GET", f"/certs/{issued['cert_serial']}", alice)
    assert shown.body == issued | {"client_key": ""}
