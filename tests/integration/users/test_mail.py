"""How links for forgotten passwords get to people."""

from __future__ import annotations

import email
import ssl
import stat
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from deploy.embedded.ports import free_port
from tests.integration.users.conftest import (
    Account,
    Api,
    NewApi,
    sign_up,
)
from tests.integration.users.mail import (
    MailServer,
    ask,
    link_in,
    listening,
    mail_settings,
    reset,
    token_in,
)
from tests.waiting import eventually


def certificate_of_localhost(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """A certificate that signs itself, and what a server does with it."""
    key = generate_private_key(SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, SHA256())
    )
    file = folder / "localhost.pem"
    file.write_bytes(
        certificate.public_bytes(Encoding.PEM)
        + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return file, context


async def test_an_international_address_gets_its_mail(
    mailing_api: Api, mail_server: MailServer
) -> None:
    await sign_up(mailing_api, "jörg@bücher.example")

    await ask(mailing_api, "JÖRG@xn--bcher-kva.example")

    await mail_server.first()
    assert mail_server.recipients == ["jörg@xn--bcher-kva.example"]


async def test_a_password_for_the_mail_server_is_sent_through_tls(
    new_users_api: NewApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, context = certificate_of_localhost(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    logins: list[bytes] = []

    def authenticate(*arguments: Any) -> AuthResult:
        logins.append(arguments[-1].password)
        return AuthResult(success=True)

    async with listening(
        MailServer(),
        tls_context=context,
        require_starttls=True,
        auth_required=True,
        authenticator=authenticate,
    ) as server:
        api = await new_users_api(
            **mail_settings(server.port)
            | {"EMAIL_HOST": "localhost", "EMAIL_USERNAME": "me", "EMAIL_PASSWORD": "secret"}
        )
        carol = await sign_up(api)
        await ask(api, carol.identity)

        mail = await server.first()

    assert logins == [b"secret"]
    assert mail["To"] == carol.identity


async def test_a_mail_the_server_cannot_take_yet_is_sent_again(
    mailing_api: Api, carol: Account, mail_server: MailServer
) -> None:
    mail_server.answers = ["451 not now"]

    await ask(mailing_api, carol.identity)

    assert (await reset(mailing_api, token_in(await mail_server.first()))).status == 201


async def test_a_mail_server_that_is_down_is_nobodys_fault(new_users_api: NewApi) -> None:
    api = await new_users_api(**mail_settings(free_port()))
    carol = await sign_up(api)

    statuses = [(await ask(api, who)).status for who in (carol.identity, "nobody@example.com")]

    assert statuses == [201, 201]


async def test_without_mail_everybody_is_told_the_same(users_api: Api, alice: Account) -> None:
    answers = [await ask(users_api, who) for who in (alice.identity, "nobody@example.com")]

    bodies = [await answer.json() for answer in answers]
    assert [answer.status for answer in answers] == [503, 503]
    assert [body["code"] for body in bodies] == ["mail_not_set_up"] * 2


async def test_a_machine_without_a_mail_server_writes_mails_into_a_folder(
    new_users_api: NewApi, tmp_path: Path
) -> None:
    folder = tmp_path / "logs" / "mail"
    api = await new_users_api(USERS_MAIL_FOLDER=str(folder))
    carol = await sign_up(api)
    await ask(api, carol.identity)

    async def look() -> list[Path]:
        return list(folder.glob("[!.]*.eml"))

    [file] = await eventually(look, within_seconds=30)
    mail = email.message_from_bytes(file.read_bytes(), policy=default)

    assert isinstance(mail, EmailMessage)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert (await reset(api, token_in(mail))).status == 201


async def test_nobodys_mailbox_is_flooded(
    mailing_api: Api, carol: Account, mail_server: MailServer
) -> None:
    other = await sign_up(mailing_api, "other@example.com")

    statuses = [(await ask(mailing_api, carol.identity)).status for _ in range(8)]
    await ask(mailing_api, other.identity)

    async def other_has_got_his() -> bool:
        return other.identity in mail_server.recipients and len(mail_server.mails) >= 6

    await eventually(other_has_got_his, within_seconds=30)
    assert statuses == [201] * 8
    assert mail_server.recipients.count(carol.identity) == 5


async def test_links_lead_where_the_operator_says(
    new_users_api: NewApi, mail_server: MailServer
) -> None:
    api = await new_users_api(
        **mail_settings(mail_server.port),
        USERS_RESET_BASE_URL="https://console.example.com/ui/",
        TOKEN_RESET_ENDPOINT="/new-password",
    )
    carol = await sign_up(api)

    asked = await ask(api, carol.identity, "https://evil.example.com/")
    without = await api.post("/password/reset-request", json={"email": "nobody@example.com"})

    link = link_in(await mail_server.first())
    assert (asked.status, without.status) == (201, 201)
    assert link.startswith("https://console.example.com/ui/new-password?token=")
