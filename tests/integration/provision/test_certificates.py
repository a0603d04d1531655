"""`POST /mapping` with certificates, with real things, bootstrap and certs behind it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from aiohttp.test_utils import TestClient
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from msgspec import Struct
from pytest_aiohttp.plugin import AiohttpClient

from services.certs.app import create_app as create_certs
from services.certs.settings import CertsSettings
from tests.agent.agent import MainfluxAnswer, read_answer
from tests.fixtures.services import MakeSettings, User
from tests.integration.provision.conftest import Client, Platform
from tests.waiting import eventually

GATEWAY = {"external_id": "33:52:79:C3:43", "external_key": "223334fw2"}
LABEL = {"Authorization": "Thing 223334fw2"}
LAYOUT = """
[bootstrap]
x509_provision = true

[bootstrap.content.agent.mqtt]
mtls = true

[cert]
ttl = "48h"

[[things]]
name = "gateway"
metadata = { external_id = "" }

[[things]]
name = "sensor"

[[things]]
name = "bare"
certificate = { issue = false }
"""


class Certified(Struct, frozen=True):
    """A platform whose layout makes certificates."""

    platform: Platform
    certs: Client
    certs_database: str

    async def map(self, user: User) -> dict[str, Any]:
        response = await self.platform.provision.post(
            "/mapping", json=GATEWAY, headers=user.headers
        )
        body: dict[str, Any] = await response.json()
        assert response.status == 201, body
        return body

    async def fetch(self) -> bytes:
        """What the gateway gets."""
        response = await self.platform.bootstrap.get(
            f"/things/bootstrap/{GATEWAY['external_id']}", headers=LABEL
        )
        assert response.status == 200
        return await response.read()

    async def kept_keys(self) -> int:
        """In how many mappings keys are kept."""
        connection = await asyncpg.connect(self.platform.settings.database_url)
        count = await connection.fetchval(
            "SELECT count(*) FROM mappings WHERE sealed_keys IS NOT NULL"
        )
        await connection.close()
        return int(count)

    async def living(self) -> int:
        """How many certificates are good."""
        connection = await asyncpg.connect(self.certs_database)
        count = await connection.fetchval(
            "SELECT count(*) FROM certificates WHERE revoked_at IS NULL"
        )
        await connection.close()
        return int(count)


NewCertified = Callable[..., Awaitable[Certified]]


@pytest.fixture
def new_certified(
    make_settings: MakeSettings[CertsSettings],
    new_platform: Callable[..., Awaitable[Platform]],
    things_server: Any,
    aiohttp_client: AiohttpClient,
    users_url: str,
    tmp_path: Path,
) -> NewCertified:
    """Makes a platform by a layout, with further variables."""

    async def new(layout: str = LAYOUT, **variables: str) -> Certified:
        things_url = str(things_server.make_url(""))
        settings = await make_settings(
            CertsSettings, "certs", USERS_URL=users_url, THINGS_URL=things_url
        )
        certs: TestClient[Any, Any] = await aiohttp_client(create_certs(settings))
        file = tmp_path / "layout.toml"
        file.write_text(layout)
        platform = await new_platform(
            PROVISION_CONFIG_FILE=str(file),
            PROVISION_CERTS_SVC_URL=str(certs.make_url("/certs")),
            **variables,
        )
        return Certified(platform, certs, settings.database_url)

    return new


async def test_things_and_gateway_get_what_they_need_for_mutual_tls(
    new_certified: NewCertified, alice: User
) -> None:
    certified = await new_certified()

    answer = await certified.map(alice)

    gateway, sensor, _ = [thing["id"] for thing in answer["things"]]
    assert list(answer["client_cert"]) == list(answer["client_key"]) == [gateway, sensor]
    authority = x509.load_pem_x509_certificates(answer["ca_cert"].encode())[0]
    for thing, text in answer["client_cert"].items():
        certificate = x509.load_pem_x509_certificate(text.encode())
        certificate.verify_directly_issued_by(authority)
        key = load_pem_private_key(answer["client_key"][thing].encode(), None)
        assert certificate.public_key() == key.public_key()
        assert thing in certificate.subject.rfc4514_string()
        serials = await certified.certs.get(f"/serials/{thing}", headers=alice.headers)
        (serial,) = (await serials.json())["serials"]
        assert certificate.serial_number == int(serial.replace(":", ""), 16)
    agent = read_answer(await certified.fetch(), MainfluxAnswer)
    assert agent.certificates is not None
    assert agent.certificates.client_cert == answer["client_cert"][gateway]
    assert agent.certificates.client_key == answer["client_key"][gateway]
    assert agent.certificates.ca_cert == answer["ca_cert"]


async def test_keys_are_kept_sealed_until_the_gateway_has_come(
    new_certified: NewCertified, alice: User
) -> None:
    certified = await new_certified()
    first = await certified.map(alice)
    again = await certified.map(alice)
    kept_before = await certified.kept_keys()

    await certified.fetch()

    async def are_wiped() -> bool:
        return await certified.kept_keys() == 0

    await eventually(are_wiped, within_seconds=30, what="wiped keys")
    later = await certified.map(alice)
    assert (again, kept_before) == (first, 1)
    assert later == {name: value for name, value in first.items() if name != "client_key"}
    connection = await asyncpg.connect(certified.platform.settings.database_url)
    rows = await connection.fetch("SELECT mappings::text FROM mappings")
    await connection.close()
    assert "PRIVATE KEY" not in rows[0][0]


async def test_keys_nobody_fetches_are_wiped_after_a_while(
    new_certified: NewCertified, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.provision.app._TIDIES_EVERY_SECONDS", 0.2)
    certified = await new_certified(PROVISION_KEYS_KEPT="1ms")
    first = await certified.map(alice)

    async def are_wiped() -> bool:
        return await certified.kept_keys() == 0

    await eventually(are_wiped, within_seconds=30, what="wiped keys")
    again = await certified.map(alice)
    assert "client_key" in first
    assert "client_key" not in again


async def test_removing_a_mapping_revokes_its_certificates(
    new_certified: NewCertified, alice: User
) -> None:
    certified = await new_certified()
    answer = await certified.map(alice)
    serial = x509.load_pem_x509_certificate(
        next(iter(answer["client_cert"].values())).encode()
    ).serial_number
    renewed = await certified.certs.post(f"/certs/{serial:032x}/renew", headers=alice.headers)

    removed = await certified.platform.provision.delete(
        f"/mappings/{GATEWAY['external_id']}", headers=alice.headers
    )

    assert (renewed.status, removed.status) == (201, 204)
    assert await certified.living() == 0
    shown = await certified.certs.get(
        f"/certs/{(await renewed.json())['cert_serial']}", headers=alice.headers
    )
    assert "revocation_time" in await shown.json()


async def test_what_certs_refuses_reaches_the_caller_and_nothing_is_left(
    new_certified: NewCertified, alice: User
) -> None:
    certified = await new_certified(LAYOUT.replace("48h", "900000h"))

    response = await certified.platform.provision.post(
        "/mapping", json=GATEWAY, headers=alice.headers
    )

    body = await response.json()
    assert (response.status, body["code"]) == (400, "ttl_too_long")
    things = await certified.platform.things.get("/things?status=all", headers=alice.headers)
    assert (await things.json())["total"] == 0
    assert await certified.kept_keys() == 0


async def test_a_dry_run_tells_which_certificates_would_be_made(
    new_certified: NewCertified, alice: User
) -> None:
    certified = await new_certified()

    response = await certified.platform.provision.post(
        "/mapping?dry_run=true", json=GATEWAY, headers=alice.headers
    )

    ecdsa = {"ttl": "48h", "key_type": "ecdsa", "key_bits": 256}
    assert (await response.json())["certificates"] == [
        {"thing": "gateway", **ecdsa},
        {"thing": "sensor", **ecdsa},
    ]
    assert await certified.living() == 0
