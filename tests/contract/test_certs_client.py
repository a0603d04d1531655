"""What provision calls certs with, against the real service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import msgspec
import pytest
from aiohttp.test_utils import TestServer
from cryptography import x509
from msgspec import Struct
from pytest_aiohttp.plugin import AiohttpServer

from services.certs.app import create_app
from services.certs.settings import CertsSettings
from shared.clients.base import client_session
from shared.clients.certs import CertsClient
from shared.contracts.certs import SetCertificate, SetCertificatesBody, SignedSetBody
from shared.errors import Conflict, DomainError, Forbidden, InvalidInput
from shared.pki import KeyKind, make_key, make_request, new_serial
from shared.postgres.pool import Database
from tests.fakes.users import UsersStandIn
from tests.fixtures.services import MakeSettings, User


class Certs(Struct, frozen=True):
    """The client and, to see what it did, the service's database."""

    client: CertsClient
    database: Database
    users: UsersStandIn

    def token(
        self, user: User, mapping_id: UUID, *, may: str = "mapping", service: str = "provision"
    ) -> str:
        return self.users.token(
            user.id, kind="service", service=service, scope=f"{may}:{mapping_id}"
        )

    async def sign(
        self, user: User, mapping_id: UUID, wanted: SetCertificatesBody
    ) -> SignedSetBody:
        return await self.client.sign_set(self.token(user, mapping_id), mapping_id, wanted)

    async def withdraw(self, user: User, mapping_id: UUID) -> None:
        token = self.token(user, mapping_id, may="withdraw")
        await self.client.withdraw_set(token, mapping_id)

    async def living(self) -> int:
        count = await self.database.fetchval(
            "SELECT count(*) FROM certificates WHERE revoked_at IS NULL"
        )
        return int(count)


@pytest.fixture
async def certs(
    make_settings: MakeSettings[CertsSettings],
    users_url: str,
    users_stand_in: UsersStandIn,
    aiohttp_server: AiohttpServer,
) -> AsyncIterator[Certs]:
    settings = await make_settings(CertsSettings, "certs", USERS_URL=users_url)
    server: TestServer = await aiohttp_server(create_app(settings))
    async with (
        client_session() as session,
        Database.open(settings.database_url, size=1) as database,
    ):
        yield Certs(CertsClient(session, str(server.make_url(""))), database, users_stand_in)


def wanted(*things: UUID, **members: str) -> SetCertificatesBody:
    certificates = [
        msgspec.structs.replace(
            SetCertificate(
                thing_id=thing,
                serial=new_serial(),
                csr=make_request(make_key(KeyKind()), thing),
                ttl="24h",
            ),
            **members,
        )
        for thing in things
    ]
    return SetCertificatesBody(certificates=certificates)


async def test_certificates_are_signed_under_their_serials_and_a_repetition_shows_them_again(
    certs: Certs, alice: User
) -> None:
    mapping_id, things = uuid4(), [uuid4(), uuid4()]
    body = wanted(*things)

    first = await certs.sign(alice, mapping_id, body)
    again, beside = await asyncio.gather(*(certs.sign(alice, mapping_id, body) for _ in range(2)))
    seen = await certs.client.view_set(certs.token(alice, mapping_id), mapping_id)

    assert {one.serial: one.thing_id for one in first.certificates} == {
        one.serial: one.thing_id for one in body.certificates
    }
    for one in first.certificates:
        certificate = x509.load_pem_x509_certificate(one.client_cert.encode())
        assert certificate.serial_number == int(one.serial.replace(":", ""), 16)
    assert first.ca_cert.count("BEGIN CERTIFICATE") == 2
    for other in (again, beside, seen):
        assert sorted(other.certificates, key=repr) == sorted(first.certificates, key=repr)
    assert await certs.living() == 2


async def test_two_calls_at_the_same_moment_sign_once(certs: Certs, alice: User) -> None:
    mapping_id, body = uuid4(), wanted(uuid4())

    answers = await asyncio.gather(*(certs.sign(alice, mapping_id, body) for _ in range(8)))

    assert all(answer == answers[0] for answer in answers)
    assert await certs.living() == 1


async def test_what_was_withdrawn_is_revoked_and_never_signed_again(
    certs: Certs, alice: User
) -> None:
    signed, unseen = uuid4(), uuid4()
    bodies = {signed: wanted(uuid4()), unseen: wanted(uuid4())}
    await certs.sign(alice, signed, bodies[signed])

    for mapping_id in (signed, signed, unseen):
        await certs.withdraw(alice, mapping_id)

    assert await certs.living() == 0
    for mapping_id, body in bodies.items():
        with pytest.raises(Conflict) as refused:
            await certs.sign(alice, mapping_id, body)
        assert refused.value.code == "id_withdrawn"
        with pytest.raises(Conflict):
            await certs.client.view_set(certs.token(alice, mapping_id), mapping_id)
    with pytest.raises(Conflict) as taken:  # nor under another mapping's name
        await certs.sign(alice, other := uuid4(), bodies[signed])
    assert taken.value.code == "serial_taken"
    assert (
        await certs.database.fetchval(
            "SELECT count(*) FROM certificate_sets WHERE mapping_id = $1", other
        )
        == 0
    )


async def test_a_renewed_certificate_stands_for_its_mapping(certs: Certs, alice: User) -> None:
    mapping_id, body = uuid4(), wanted(uuid4())
    await certs.sign(alice, mapping_id, body)
    renewed = bytes.fromhex(new_serial().replace(":", ""))
    old = bytes.fromhex(body.certificates[0].serial.replace(":", ""))
    await certs.database.execute(
        """
        WITH old AS (
            UPDATE certificates
            SET replaced_by = $2, revoked_at = now() + interval '1 hour', reason = 'superseded'
            WHERE serial = $1
            RETURNING thing_id, owner_id, issued_by, mapping_id, authority_id, content, created_at,
                      expires_at
        )
        INSERT INTO certificates (serial, thing_id, owner_id, issued_by, mapping_id, authority_id,
                                  content, created_at, expires_at)
        SELECT $2, * FROM old
        """,
        old,
        renewed,
    )

    seen = await certs.client.view_set(certs.token(alice, mapping_id), mapping_id)
    await certs.withdraw(alice, mapping_id)

    assert [one.serial for one in seen.certificates] == [renewed.hex(":")]
    good = "SELECT count(*) FROM certificates WHERE revoked_at > now() OR revoked_at IS NULL"
    assert await certs.database.fetchval(good) == 0


async def test_only_provision_with_a_token_for_the_mapping_and_its_user_is_heard(
    certs: Certs, alice: User, bob: User
) -> None:
    mapping_id, body = uuid4(), wanted(uuid4())
    await certs.sign(alice, mapping_id, body)

    async def refusal(token: str) -> type[DomainError] | None:
        try:
            await certs.client.sign_set(token, mapping_id, body)
        except DomainError as error:
            return type(error)
        return None

    assert await refusal(alice.token) is Forbidden
    assert await refusal(certs.token(alice, uuid4())) is Forbidden
    assert await refusal(certs.token(alice, mapping_id, may="withdraw")) is Forbidden
    assert await refusal(certs.token(alice, mapping_id, service="bootstrap")) is Forbidden
    assert await refusal(certs.token(bob, mapping_id)) is Forbidden
    with pytest.raises(Forbidden):
        await certs.withdraw(bob, mapping_id)
    assert await certs.living() == 1


async def test_a_set_is_signed_as_a_whole_or_not_at_all(certs: Certs, alice: User) -> None:
    good = wanted(uuid4()).certificates
    rows = [
        wanted(uuid4(), csr="nope"),
        wanted(uuid4(), ttl="-1h"),
        wanted(uuid4(), ttl=""),
        wanted(uuid4(), serial="nope"),
        wanted(uuid4(), serial="00:" + ":".join(["ab"] * 15)),
        SetCertificatesBody(certificates=good),
    ]

    for body in rows:
        both = SetCertificatesBody(certificates=[*good, *body.certificates])
        with pytest.raises(InvalidInput):
            await certs.sign(alice, uuid4(), both)

    assert await certs.living() == 0


async def test_sets_withdrawn_at_the_same_moment_are_revoked_and_a_refused_one_harms_no_other(
    certs: Certs, alice: User, bob: User
) -> None:
    bodies = {uuid4(): wanted(uuid4()) for _ in range(12)}
    bobs, unnamed, *own = bodies
    for mapping_id in list(bodies)[:-2]:  # some were never signed
        await certs.sign(bob if mapping_id == bobs else alice, mapping_id, bodies[mapping_id])
    scope = " ".join(f"withdraw:{each}" for each in [bobs, *own])
    token = certs.users.token(alice.id, kind="service", service="provision", scope=scope)

    for _ in range(2):
        outcomes = await asyncio.gather(
            *(certs.client.withdraw_set(token, each) for each in bodies), return_exceptions=True
        )
        assert [type(outcome) for outcome in outcomes[:2]] == [Forbidden, Forbidden]
        assert outcomes[2:] == [None] * 10

    living = await certs.database.fetch(
        "SELECT mapping_id FROM certificates WHERE revoked_at IS NULL"
    )
    assert {row["mapping_id"] for row in living} == {bobs, unnamed}
    with pytest.raises(Conflict) as refused:
        await certs.sign(alice, own[-1], bodies[own[-1]])
    assert refused.value.code == "id_withdrawn"
