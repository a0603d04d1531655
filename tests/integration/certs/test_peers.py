"""What peers can check: the authority, the revocation list and OCSP, by openssl's own judgement."""

from __future__ import annotations

import asyncio
import subprocess
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pytest_asyncio
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from pytest_aiohttp.plugin import AiohttpClient

from services.certs.app import create_app
from services.certs.settings import CertsSettings
from shared.pki import key_text
from tests.fixtures.services import User
from tests.integration.certs.conftest import CertsApi, World
from tests.waiting import eventually

BY_SHA1 = SHA1()  # noqa: S303 - what openssl asks with


class Openssl:
    """Openssl with the authority's certificates, as a peer has them."""

    def __init__(self, api: CertsApi, folder: Path) -> None:
        self._api = api
        self._folder = folder

    async def trust(self) -> None:
        """Fetch the authority."""
        (self._folder / "ca.pem").write_bytes(await self._api.content("/ca"))

    async def verdict_by_list(self, certificate: str) -> str:
        """What `openssl verify -crl_check` says with the list of this moment."""
        (self._folder / "cert.pem").write_text(certificate)
        (self._folder / "crl.pem").write_bytes(await self._api.content("/crl?format=pem"))
        return await self._run(
            "verify", "-crl_check", "-CAfile", "ca.pem", "-CRLfile", "crl.pem", "cert.pem"
        )

    async def verdict_by_ocsp(self, certificate: str) -> str:
        """What `openssl ocsp` says of this moment's answer."""
        (self._folder / "cert.pem").write_text(certificate)
        url = str(self._api.client.make_url("/ocsp"))
        return await self._run(
            "ocsp", "-issuer", "ca.pem", "-cert", "cert.pem", "-url", url, "-CAfile", "ca.pem"
        )

    async def _run(self, *arguments: str) -> str:
        done = await asyncio.to_thread(
            subprocess.run,
            ["openssl", *arguments],
            cwd=self._folder,
            capture_output=True,
            check=False,
            timeout=30,
            text=True,
        )
        return done.stdout + done.stderr


@pytest_asyncio.fixture(loop_scope="module")
async def openssl(certs_api: CertsApi, tmp_path: Path) -> Openssl:
    openssl = Openssl(certs_api, tmp_path)
    await openssl.trust()
    return openssl


async def test_openssl_agrees_on_what_is_issued_expired_and_revoked(
    certs_api: CertsApi, openssl: Openssl, alice: User
) -> None:
    thing_id = await certs_api.make_owned_thing(alice)
    good = await certs_api.issued(alice, thing_id)
    revoked = await certs_api.issued(alice, thing_id)
    expired = await certs_api.issued(alice, thing_id, ttl="1s")
    await certs_api.call("DELETE", f"/certs/{revoked['cert_serial']}", alice)

    async def is_expired() -> bool:
        return "certificate has expired" in await openssl.verdict_by_list(expired["client_cert"])

    assert "cert.pem: OK" in await openssl.verdict_by_list(good["client_cert"])
    assert "certificate revoked" in await openssl.verdict_by_list(revoked["client_cert"])
    await eventually(is_expired, within_seconds=30)
    by_ocsp = await openssl.verdict_by_ocsp(good["client_cert"])
    assert "Response verify OK" in by_ocsp
    assert "cert.pem: good" in by_ocsp
    assert "cert.pem: revoked" in await openssl.verdict_by_ocsp(revoked["client_cert"])


async def test_a_revocation_is_on_the_next_list_which_has_the_next_number(
    certs_api: CertsApi, alice: User
) -> None:
    issued = await certs_api.issued(alice, await certs_api.make_owned_thing(alice))
    serial = issued["cert_serial"]
    first = await list_of(certs_api)
    await certs_api.call("DELETE", f"/certs/{serial}", alice)

    second = await list_with(certs_api, serial)

    (authority, root) = x509.load_pem_x509_certificates(await certs_api.content("/ca"))
    assert first.get_revoked_certificate_by_serial_number(number_from(serial)) is None
    assert number_of(second) == number_of(first) + 1
    assert await certs_api.content("/crl") == second.public_bytes(Encoding.DER)
    assert second.is_signature_valid(authority.public_key())  # type: ignore[arg-type]
    assert second.next_update_utc is not None
    assert second.next_update_utc > datetime.now(UTC) + timedelta(hours=22)
    assert await certs_api.content("/ca?format=der") == authority.public_bytes(Encoding.DER)
    authority.verify_directly_issued_by(root)


async def test_several_processes_count_their_lists_together(
    certs_api: CertsApi, certs_settings: CertsSettings, alice: User, aiohttp_client: AiohttpClient
) -> None:
    others = CertsApi(await aiohttp_client(create_app(certs_settings)))
    issued = await certs_api.issued(alice, await certs_api.make_owned_thing(alice))
    await certs_api.call("DELETE", f"/certs/{issued['cert_serial']}", alice)

    lists = [await list_with(api, issued["cert_serial"]) for api in (certs_api, others)]

    assert lists[0] == lists[1]


async def test_ocsp_answers_a_get_and_repeats_the_nonce(certs_api: CertsApi, alice: User) -> None:
    issued = await certs_api.issued(alice, await certs_api.make_owned_thing(alice))
    question = await question_about(certs_api, issued["client_cert"], nonce=b"n" * 16)
    path = quote(b64encode(question.public_bytes(Encoding.DER)).decode(), safe="")

    answer = ocsp.load_der_ocsp_response(await certs_api.content(f"/ocsp/{path}"))

    assert answer.certificate_status is ocsp.OCSPCertStatus.GOOD
    assert answer.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce == b"n" * 16


async def test_ocsp_knows_neither_others_certificates_nor_other_authorities(
    certs_api: CertsApi, alice: User
) -> None:
    issued = await certs_api.issued(alice, await certs_api.make_owned_thing(alice))
    authority = x509.load_pem_x509_certificates(await certs_api.content("/ca"))[0]
    known = await question_about(certs_api, issued["client_cert"])
    hashes = known.issuer_name_hash, known.issuer_key_hash
    builder = ocsp.OCSPRequestBuilder()
    never_signed = builder.add_certificate_by_hash(*hashes, 7, BY_SHA1).build()
    too_large = builder.add_certificate_by_hash(*hashes, 1 << 150, BY_SHA1).build()
    elsewhere = builder.add_certificate_by_hash(b"x" * 20, b"y" * 20, 7, BY_SHA1).build()
    by_sha256 = builder.add_certificate(
        x509.load_pem_x509_certificate(issued["client_cert"].encode()), authority, SHA256()
    ).build()

    for request in (never_signed, too_large):
        answer = await ask(certs_api, request.public_bytes(Encoding.DER))
        assert answer.certificate_status is ocsp.OCSPCertStatus.UNKNOWN
    answer = await ask(certs_api, by_sha256.public_bytes(Encoding.DER))
    assert answer.certificate_status is ocsp.OCSPCertStatus.GOOD
    answer = await ask(certs_api, elsewhere.public_bytes(Encoding.DER))
    assert answer.response_status is ocsp.OCSPResponseStatus.UNAUTHORIZED
    answer = await ask(certs_api, b"nonsense")
    assert answer.response_status is ocsp.OCSPResponseStatus.MALFORMED_REQUEST


async def test_what_is_no_question_at_all_is_refused(certs_api: CertsApi) -> None:
    by_path = await certs_api.call("GET", "/ocsp/not*base64")
    too_long = await certs_api.call("POST", "/ocsp", data=b"x" * 20000)
    other_form = await certs_api.call("GET", "/crl?format=xml")

    assert by_path.outcome == (400, "invalid_input")
    assert too_long.outcome == (413, "too_large")
    assert other_form.outcome == (400, "invalid_input")


async def test_a_given_authority_with_an_rsa_key_serves_as_well(
    world: World,
    certs_settings: CertsSettings,
    certs_api: CertsApi,
    aiohttp_client: AiohttpClient,
    tmp_path: Path,
    alice: User,
) -> None:
    chain, key = own_authority(tmp_path)
    settings = await world.settings(
        CertsSettings,
        "certs",
        THINGS_URL=certs_settings.things_url,
        CERTS_SIGN_CA_PATH=str(chain),
        CERTS_SIGN_CA_KEY_PATH=str(key),
    )
    api = CertsApi(await aiohttp_client(create_app(settings)))
    openssl = Openssl(api, tmp_path)
    await openssl.trust()

    issued = await api.issued(alice, await certs_api.make_owned_thing(alice))

    assert issued["ca_cert"] == chain.read_text()
    assert "cert.pem: OK" in await openssl.verdict_by_list(issued["client_cert"])
    assert "cert.pem: good" in await openssl.verdict_by_ocsp(issued["client_cert"])


async def list_of(api: CertsApi) -> x509.CertificateRevocationList:
    return x509.load_der_x509_crl(await api.content("/crl"))


async def list_with(api: CertsApi, serial: str) -> x509.CertificateRevocationList:
    """The list as soon as a certificate is on it."""

    async def look() -> x509.CertificateRevocationList | None:
        current = await list_of(api)
        entry = current.get_revoked_certificate_by_serial_number(number_from(serial))
        return None if entry is None else current

    return await eventually(look, within_seconds=30, what="the revocation on the list")


def number_from(serial: str) -> int:
    return int(serial.replace(":", ""), 16)


def number_of(revocation_list: x509.CertificateRevocationList) -> int:
    return revocation_list.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number


async def question_about(
    api: CertsApi, certificate: str, nonce: bytes | None = None
) -> ocsp.OCSPRequest:
    authority = x509.load_pem_x509_certificates(await api.content("/ca"))[0]
    builder = ocsp.OCSPRequestBuilder().add_certificate(
        x509.load_pem_x509_certificate(certificate.encode()), authority, BY_SHA1
    )
    if nonce is not None:
        builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    return builder.build()


async def ask(api: CertsApi, question: bytes) -> ocsp.OCSPResponse:
    async with api.client.post("/ocsp", data=question) as response:
        assert response.status == 200
        assert response.content_type == "application/ocsp-response"
        return ocsp.load_der_ocsp_response(await response.read())


def own_authority(folder: Path) -> tuple[Path, Path]:
    """An operator's authority: one self-signed certificate with an RSA key."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "operator")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=99))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    chain_file, key_file = folder / "own-ca.crt", folder / "own-ca.key"
    chain_file.write_bytes(certificate.public_bytes(Encoding.PEM))
    key_file.write_text(key_text(key))
    return chain_file, key_file
