"""A mail server, and the mails about forgotten passwords."""

from __future__ import annotations

import asyncio
import email
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from email.policy import default
from typing import Any
from urllib.parse import parse_qs, urlsplit

from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.waiting import eventually

Api = TestClient[web.Request, web.Application]

UI = "https://ui.example.com"
NEW = "another secret"


class MailServer:
    """A real SMTP server in the test's loop, which keeps what it gets.

    Attributes:
        answers: What it says to the next mails instead of taking them.
    """

    def __init__(self) -> None:
        self.port = 0
        self.mails: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.answers: list[str] = []

    async def handle_DATA(  # noqa: N802 - named by aiosmtpd
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """Take a mail."""
        if self.answers:
            return self.answers.pop(0)
        assert isinstance(envelope.content, bytes)
        message = email.message_from_bytes(envelope.content, policy=default)
        assert isinstance(message, EmailMessage)
        self.mails.append(message)
        self.recipients += envelope.rcpt_tos
        return "250 kept"

    async def first(self) -> EmailMessage:
        """The first mail, as soon as it is there."""

        async def look() -> EmailMessage | None:
            return self.mails[0] if self.mails else None

        return await eventually(look, within_seconds=30, what="mail")


@asynccontextmanager
async def listening(kept: MailServer, **options: Any) -> AsyncIterator[MailServer]:
    """Run a mail server for as long as the context lasts."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(kept, loop=loop, enable_SMTPUTF8=True, **options), "127.0.0.1", 0
    )
    kept.port = server.sockets[0].getsockname()[1]
    yield kept
    server.close()
    await server.wait_closed()


def mail_settings(port: int) -> dict[str, str]:
    """How users finds a mail server."""
    return {
        "EMAIL_HOST": "127.0.0.1",
        "EMAIL_PORT": str(port),
        "EMAIL_FROM_ADDRESS": "platform@example.com",
        "EMAIL_FROM_NAME": "The platform",
    }


async def ask(api: Api, address: str, referer: str = f"{UI}/") -> ClientResponse:
    """Ask for a link."""
    return await api.post(
        "/password/reset-request", json={"email": address}, headers={"Referer": referer}
    )


async def reset(
    api: Api, token: str, password: str = NEW, change: dict[str, Any] | None = None
) -> ClientResponse:
    """Set another password."""
    body = {"token": token, "password": password, "confirm_password": password}
    return await api.put("/password/reset", json=body | (change or {}))


def link_in(mail: EmailMessage) -> str:
    """The link."""
    part = mail.get_body(("plain",))
    assert part is not None
    [link] = re.findall(r"https?://\S+", part.get_content())
    return str(link)


def token_in(mail: EmailMessage) -> str:
    """The token in the link."""
    return parse_qs(urlsplit(link_in(mail)).query)["token"][0]
