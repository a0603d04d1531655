"""`POST /certs`: what is signed, for whom, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.clock import parse_timestamp
from shared.pki import KeyKind, make_key, make_request
from tests.fakes.users import UsersStandIn
from tests.fixtures.services import User
from tests.integration.certs.conftest import CertsApi

NOBODYS = "00000000-0000-0000-0000-000000000000"


async def test_a_certificate_comes_with_key_serial_expiry_and_authority(
    certs_api: CertsApi, alice: User
) -> None:
    thing = await certs_api.things.make_thing(alice)

    answer = await certs_api.issue(alice, thing["id"], ttl="1h30m")

    body = answer.body
    certificate = x509.load_pem_x509_certificate(body["client_cert"].encode())
    key = load_pem_private_key(body["client_key"].encode(), None)
    authority = x509.load_pem_x509_certificates(body["ca_cert"].encode())[0]
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    lifetime = parse_timestamp(body["expiration"]) - datetime.now(UTC)
    assert answer.status == 201
    assert answer.headers["Location"] == f"/certs/{body['cert_serial']}"
    assert set(body) == {
        "thing_id",
        "client_cert",
        "client_key",
        "cert_serial",
        "expiration",
        "ca_cert",
    }
    assert body["thing_id"] == thing["id"]
    assert certificate.public_key() == key.public_key()
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert certificate.serial_number == int(body["cert_serial"].replace(":", ""), 16)
    assert len(body["cert_serial"]) == 16 * 3 - 1
    assert certificate.not_valid_after_utc == parse_timestamp(body["expiration"])
    assert timedelta(hours=1, minutes=29) < lifetime <= timedelta(hours=1, minutes=30, seconds=1)
    assert _name(certificate, NameOID.COMMON_NAME) == thing["id"]
    assert _name(certificate, NameOID.ORGANIZATION_NAME) == str(alice.id)
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == [
        f"urn:smq:thing:{thing['id']}"
    ]
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    certificate.verify_directly_issued_by(authority)
    assert b"https://certs.example.com/crl" in certificate.public_bytes(Encoding.DER)
    assert thing["key"] not in _text(certificate)


async def test_with_a_request_the_key_never_leaves_its_maker(
    certs_api: CertsApi, alice: User
) -> None:
    thing_id = await certs_api.make_owned_thing(alice)
    key = make_key(KeyKind())

    body = await certs_api.issued(alice, thing_id, csr=make_request(key, uuid4()))

    certificate = x509.load_pem_x509_certificate(body["client_cert"].encode())
    assert body["client_key"] == ""
    assert certificate.public_key() == key.public_key()
    assert _name(certificate, NameOID.COMMON_NAME) == thing_id  # whatever the request called itself


async def test_a_key_of_another_kind_is_made_on_request(certs_api: CertsApi, alice: User) -> None:
    thing_id = await certs_api.make_owned_thing(alice)

    body = await certs_api.issued(alice, thing_id, key_type="rsa", key_bits=2048)

    key = load_pem_private_key(body["client_key"].encode(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    assert key.key_size == 2048


async def test_what_cannot_be_signed_is_the_callers_mistake(
    certs_api: CertsApi, alice: User
) -> None:
    thing_id = await certs_api.make_owned_thing(alice)
    weak = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505
    cut = make_request(make_key(KeyKind()), uuid4()).replace("\nMI", "\n")
    rows: list[tuple[dict[str, Any], int, str]] = [
        ({"thing_id": ""}, 400, "missing entity id"),
        ({"thing_id": None}, 400, "Expected `str`, got `null` - at `$.thing_id`"),
        ({"ttl": ""}, 400, "missing certificate data"),
        ({"ttl": "abc"}, 400, "invalid certificate data"),
        ({"ttl": "24"}, 400, "invalid certificate data"),
        ({"ttl": "-5h"}, 400, "invalid certificate data"),
        ({"ttl": "0s"}, 400, "invalid certificate data"),
        ({"ttl": "1ms"}, 400, "invalid certificate data"),
        ({"ttl": "9" * 40 + "h"}, 400, "invalid certificate data"),
        ({"ttl": "200000h"}, 400, "the authority's own certificate expires before that"),
        ({"thing_id": NOBODYS}, 404, ""),
        ({"thing_id": "nope"}, 404, ""),
        ({"csr": "nope"}, 400, "invalid certificate request: unreadable"),
        ({"csr": cut}, 400, "invalid certificate request: unreadable"),
        ({"csr": "x" * 20000}, 400, "Expected `str` of length <= 16384 - at `$.csr`"),
        (
            {"csr": make_request(weak, uuid4())},
            400,
            "invalid certificate request: its key is neither RSA of 2048 to 4096 bits, P-256, P-384"
            " nor Ed25519",
        ),
        ({"key_type": "rsa", "key_bits": 1024}, 400, "no key of type 'rsa' with 1024 bits"),
        ({"key_type": "dsa"}, 400, "Invalid enum value 'dsa' - at `$.key_type`"),
    ]

    answers = [await certs_api.issue(alice, **{"thing_id": thing_id} | row[0]) for row in rows]

    assert [(one.status, one.body["error"]) for one in answers] == [row[1:] for row in rows]
    assert await certs_api.serials(alice, thing_id) == []


async def test_a_request_that_does_not_prove_its_key_is_refused(
    certs_api: CertsApi, alice: User
) -> None:
    thing_id = await certs_api.make_owned_thing(alice)
    request = x509.load_pem_x509_csr(make_request(make_key(KeyKind()), uuid4()).encode())
    content = bytearray(request.public_bytes(Encoding.DER))
    content[-1] ^= 1
    broken = x509.load_der_x509_csr(bytes(content)).public_bytes(Encoding.PEM).decode()

    answer = await certs_api.issue(alice, thing_id, csr=broken)

    assert answer.outcome == (400, "csr_invalid")


async def test_bodies_that_are_no_json_or_not_declared_so_are_refused(
    certs_api: CertsApi, alice: User
) -> None:
    thing_id = await certs_api.make_owned_thing(alice)
    body = msgspec.json.encode({"thing_id": thing_id, "ttl": "24h"})
    plain = {"Content-Type": "text/plain"}
    charset = {"Content-Type": "application/json; charset=utf-8"}

    broken = await certs_api.call("POST", "/certs", alice, data=b"{")
    undeclared = await certs_api.call("POST", "/certs", alice, data=body, headers=plain)
    declared = await certs_api.call("POST", "/certs", alice, data=body, headers=charset)

    assert broken.outcome == (400, "invalid_input")
    assert undeclared.outcome == (415, "unsupported_content_type")
    assert declared.status == 201


async def test_every_call_wants_a_token_that_is_good(
    certs_api: CertsApi, alice: User, users_stand_in: UsersStandIn
) -> None:
    thing_id = await certs_api.make_owned_thing(alice)
    serial = (await certs_api.issued(alice, thing_id))["cert_serial"]
    calls = [
        ("POST", "/certs"),
        ("GET", "/certs"),
        ("GET", f"/certs/{serial}"),
        ("DELETE", f"/certs/{serial}"),
        ("POST", f"/certs/{serial}/renew"),
        ("GET", f"/serials/{thing_id}"),
    ]
    reader = User(alice.id, users_stand_in.key(alice.id, "things:*"))
    bad = User(alice.id, "bad")

    for method, path in calls:
        assert (await certs_api.call(method, path)).outcome == (401, "unauthenticated")
        assert (await certs_api.call(method, path, bad)).outcome == (401, "unauthenticated")
        assert (await certs_api.call(method, path, reader)).outcome == (403, "forbidden")
    assert await certs_api.serials(alice, thing_id) == [serial]


async def test_an_api_key_needs_to_reach_the_things_secret_too(
    certs_api: CertsApi, alice: User, users_stand_in: UsersStandIn
) -> None:
    thing_id = await certs_api.make_owned_thing(alice)
    scopes = ["certs:write", "certs:write things:read", "certs:write things:read things:write"]

    outcomes = []
    for text in scopes:
        key = User(alice.id, users_stand_in.key(alice.id, *text.split()))
        outcomes.append((await certs_api.issue(key, thing_id)).status)

    assert outcomes == [403, 403, 201]


async def test_only_who_may_see_a_things_secret_may_have_it_certified(
    certs_api: CertsApi, alice: User, bob: User, admin: User, users_stand_in: UsersStandIn
) -> None:
    users_stand_in.allow(alice.id, bob.id, "c_share")
    thing, channel = await certs_api.things.connected_pair(alice)

    stranger = await certs_api.issue(bob, thing["id"])
    await certs_api.things.share(alice, channel, bob, "c_list")
    onlooker = await certs_api.issue(bob, thing["id"])
    await certs_api.things.share(alice, channel, bob, "c_update")
    trusted = await certs_api.issue(bob, thing["id"])

    assert stranger.outcome == (404, "thing_not_found")
    assert onlooker.outcome == (403, "thing_secret_hidden")
    certificate = x509.load_pem_x509_certificate(trusted.body["client_cert"].encode())
    assert _name(certificate, NameOID.ORGANIZATION_NAME) == str(alice.id)
    path = f"/certs/{trusted.body['cert_serial']}"
    assert [(await certs_api.call("GET", path, user)).status for user in (bob, alice, admin)] == [
        200,
        200,
        404,
    ]


async def test_a_disabled_thing_gets_no_certificate(certs_api: CertsApi, alice: User) -> None:
    thing_id = await certs_api.make_owned_thing(alice)
    await certs_api.things.call("POST", f"/things/{thing_id}/disable", alice)

    answer = await certs_api.issue(alice, thing_id)

    assert answer.outcome == (409, "thing_disabled")


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    members=st.fixed_dictionaries(
        {},
        optional={
            "thing_id": st.one_of(st.text(), st.uuids().map(str), st.integers()),
            "ttl": st.one_of(st.text(), st.sampled_from(["1h", "1e9h", "+1h", "NaNs"])),
            "csr": st.text(max_size=200),
            "key_bits": st.integers(),
            "key_type": st.text(max_size=5),
        },
    )
)
async def test_no_body_is_answered_with_a_fault(
    certs_api: CertsApi, alice: User, members: dict[str, object]
) -> None:
    answer = await certs_api.call("POST", "/certs", alice, members)

    assert answer.status in (400, 404)


def _name(certificate: x509.Certificate, kind: x509.ObjectIdentifier) -> str:
    value = certificate.subject.get_attributes_for_oid(kind)[0].value
    assert isinstance(value, str)
    return value


def _text(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.DER).decode("latin-1")
