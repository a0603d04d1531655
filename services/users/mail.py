"""Mails: how they look, and how they get to a mail server or, without one, into a folder."""

from __future__ import annotations

import asyncio
import secrets
import socket
from datetime import UTC, datetime, timedelta
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import default
from email.utils import format_datetime, make_msgid
from pathlib import Path

import aiosmtplib
import idna
import jinja2

from services.users.domain.resets import MailRefused, ResetMail
from services.users.ports import Mailer
from services.users.settings import Security, UsersSettings
from shared.errors import Unavailable
from shared.settings import SettingsError

_TEMPLATE = Path(__file__).parent / "templates" / "password_reset.html"
_BLOCKS = ("subject", "text", "html")
_TIMEOUT_SECONDS = 20.0
_IMPLICIT_TLS_PORT = 465
_PERMANENT = 500
_MAX_LINE = 998  # characters, RFC 5322

_TRIAL = ResetMail(
    recipient="nobody@example.com", name="", link="http://localhost", lifetime=timedelta(minutes=15)
)


class ResetLetter:
    """Turns what is to be said into a message.

    Args:
        sender: Address and display name it comes from.
        template: File with the blocks `subject`, `text` and `html`; raises TemplateError if it
            is none, or wants to know what nobody tells it.
    """

    def __init__(self, sender: Address, template: Path = _TEMPLATE) -> None:
        environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(template.parent),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
        )
        self._sender = sender
        self._template = environment.get_template(template.name)
        if missing := set(_BLOCKS) - set(self._template.blocks):
            raise jinja2.TemplateError(f"no block {', '.join(sorted(missing))}")
        self.write(_TRIAL)

    def write(self, mail: ResetMail) -> EmailMessage:
        """The message; raises MailRefused if its recipient cannot stand in one."""
        context = {
            "name": mail.name,
            "link": mail.link,
            "minutes": int(mail.lifetime.total_seconds() // 60),
        }
        subject, text, html = (
            "".join(self._template.blocks[block](self._template.new_context(context)))
            for block in _BLOCKS
        )
        # Mail servers must know RFC 6531 for such an address, but need not for any other.
        message = EmailMessage(default.clone(utf8=not mail.recipient.isascii()))
        try:
            message["From"] = self._sender
            message["To"] = address_of(mail.recipient)
            message["Subject"] = " ".join(subject.split())
        except (ValueError, IndexError, MessageError) as error:
            raise MailRefused(f"unfit for a header: {type(error).__name__}") from None
        message["Date"] = format_datetime(datetime.now(UTC))
        message["Message-ID"] = make_msgid(domain=self._sender.domain or "localhost")
        message["Auto-Submitted"] = "auto-generated"
        # As it is if possible: folded lines would cut the link for who reads the file of a mail.
        plain = text.isascii() and max(map(len, text.splitlines()), default=0) <= _MAX_LINE
        message.set_content(text.strip() + "\n", cte="7bit" if plain else None)
        message.add_alternative(html.strip() + "\n", subtype="html")
        return message


class SmtpMailer:
    """See Mailer. Hands mails to a mail server."""

    def __init__(self, letter: ResetLetter, settings: UsersSettings) -> None:
        self._letter = letter
        self._host = settings.email_host
        self._port = settings.email_port
        self._username = settings.email_username or None
        self._password = settings.email_password or None
        self._use_tls, self._start_tls = _tls(settings)

    async def send(self, mail: ResetMail) -> None:
        """See Mailer."""
        message = self._letter.write(mail)
        try:
            await aiosmtplib.send(
                message,
                hostname=self._host,
                port=self._port,
                username=self._username,
                password=self._password,
                use_tls=self._use_tls,
                start_tls=self._start_tls,
                timeout=_TIMEOUT_SECONDS,
            )
        except aiosmtplib.SMTPRecipientsRefused as error:
            codes = [recipient.code for recipient in error.recipients]
            _refuse_or_put_off(error, min(codes, default=0))
        except aiosmtplib.SMTPResponseException as error:
            _refuse_or_put_off(error, error.code)
        except aiosmtplib.SMTPNotSupported as error:
            raise MailRefused(_told(error)) from None
        except (aiosmtplib.SMTPException, OSError) as error:
            raise Unavailable(_told(error)) from None


class FolderMailer:
    """See Mailer. Writes mails into files, for machines without a mail server."""

    def __init__(self, letter: ResetLetter, folder: Path) -> None:
        self._letter = letter
        self._folder = folder

    async def send(self, mail: ResetMail) -> None:
        """See Mailer."""
        message = self._letter.write(mail)
        try:
            await asyncio.to_thread(self._keep, bytes(message))
        except OSError as error:
            raise Unavailable(f"mail folder: {error.strerror}") from None

    def _keep(self, content: bytes) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
        draft = self._folder / f".{moment}-{secrets.token_hex(4)}.eml"
        draft.touch(mode=0o600)
        draft.write_bytes(content)
        draft.rename(self._folder / draft.name.removeprefix("."))


def mailer_of(settings: UsersSettings) -> Mailer | None:
    """What the operator has set up: a mail server, else a folder, else nothing.

    Raises:
        SettingsError: The sender's address or the template is malformed.
    """
    if not settings.email_host and not settings.mail_folder:
        return None
    letter = _letter(settings)
    if settings.email_host:
        return SmtpMailer(letter, settings)
    return FolderMailer(letter, Path(settings.mail_folder).expanduser())


def _letter(settings: UsersSettings) -> ResetLetter:
    address = settings.email_from_address or f"supermq@{socket.gethostname()}"
    try:
        sender = address_of(address, settings.email_from_name)
    except (ValueError, IndexError, MessageError):
        raise SettingsError(["SMQ_USERS_EMAIL_FROM_ADDRESS is no e-mail address"]) from None
    template = settings.reset_template_file
    try:
        return ResetLetter(sender, Path(template).expanduser() if template else _TEMPLATE)
    except (OSError, jinja2.TemplateError) as error:
        raise SettingsError([f"SMQ_USERS_RESET_TEMPLATE_FILE is no template: {error}"]) from None


def _tls(settings: UsersSettings) -> tuple[bool, bool | None]:
    """Whether the connection is TLS from its first byte, and whether it is upgraded to TLS.

    Left to itself, it is upgraded if the server can; with a password it must.
    """
    security = settings.email_security
    if security is Security.AUTO and settings.email_port == _IMPLICIT_TLS_PORT:
        security = Security.TLS
    if security is Security.AUTO:
        return False, True if settings.email_username else None
    return security is Security.TLS, security is Security.STARTTLS


def address_of(text: str, name: str = "") -> Address:
    """An address with its host in punycode, as mail servers have known it longest.

    Raises:
        ValueError, IndexError or MessageError: It is none.
    """
    local, _, host = text.rpartition("@")
    if not (local and host):
        raise ValueError("no address")
    if not host.isascii():
        host = idna.encode(host, uts46=True).decode()
    if local.isascii():
        return Address(name, addr_spec=f"{local}@{host}")
    return Address(name, username=local, domain=host)


def _refuse_or_put_off(error: Exception, code: int) -> None:
    if code >= _PERMANENT:
        raise MailRefused(f"{type(error).__name__} {code}") from None
    raise Unavailable(f"{type(error).__name__} {code}") from None


def _told(error: Exception) -> str:
    """What happened, without the server's words, which may repeat the address."""
    return type(error).__name__
