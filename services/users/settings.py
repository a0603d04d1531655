"""Settings of the users service, read from SMQ_USERS_* variables."""

from __future__ import annotations

import re
from datetime import timedelta
from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from services.users.service.resets import base_of
from shared.errors import InvalidInput
from shared.settings import Port, PositiveInt, ServiceSettings, SettingsError

_SHORTEST = timedelta(seconds=1)  # tokens count in seconds


class Security(StrEnum):
    """How the connection to the mail server is protected."""

    AUTO = "auto"
    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


PerMinute = Annotated[int, Meta(ge=0)]


class UsersSettings(ServiceSettings, frozen=True, kw_only=True):
    """What the operator can set."""

    http_port: Annotated[Port, Meta(description="Port to listen on.")] = 9002
    admin_email: Annotated[
        str, Meta(description="Login of the admin that is made at the first start.")
    ] = ""
    admin_password: Annotated[
        str, Meta(description="Password of that admin.", extra={"secret": True})
    ] = ""
    pass_regex: Annotated[
        str, Meta(description="What a password must match, at registration and at every change.")
    ] = "^.{8,}$"  # noqa: S105 - a rule, not a password
    allow_self_register: Annotated[
        bool,
        Meta(
            description="Let people without a token make an account; else 403.",
            extra={"variables": ["ALLOW_SELF_REGISTER"]},
        ),
    ] = True
    access_token_duration: Annotated[
        timedelta, Meta(description="How long an access token lives.")
    ] = timedelta(minutes=15)
    refresh_token_duration: Annotated[
        timedelta, Meta(description="How long a refresh token waits to be used.")
    ] = timedelta(hours=24)
    signing_key_file: Annotated[
        str,
        Meta(
            description="PEM file with Ed25519 private keys: the first one signs tokens, all are"
            " checked; SIGHUP reads it again."
        ),
    ] = ""
    service_secret_hashes: Annotated[
        str,
        Meta(
            description="What services prove themselves with, as `<service>=<SHA-256 in hex>,...`; "
            "when empty, the secrets kept in the state folder count. A service may stand there "
            "twice, for a change of its secret."
        ),
    ] = ""
    bcrypt_cost: Annotated[
        int, Meta(ge=4, le=31, description="Work factor of password hashes: 2 to the power of it.")
    ] = 10
    bcrypt_queue: Annotated[
        PositiveInt, Meta(description="Logins that may wait for a thread; more are answered 503.")
    ] = 100
    login_failures_per_minute: Annotated[
        PerMinute,
        Meta(
            description="Wrong passwords for one login name from one address after which it is"
            " refused for the rest of the minute; 0 for no limit."
        ),
    ] = 30
    registrations_per_minute: Annotated[
        PerMinute,
        Meta(
            description="Accounts that people without a token may ask for from one address in a"
            " minute; 0 for no limit."
        ),
    ] = 120
    reset_requests_per_minute: Annotated[
        PerMinute,
        Meta(
            description="Links for forgotten passwords that may be asked for from one address in"
            " a minute; 0 for no limit."
        ),
    ] = 30
    reset_base_url: Annotated[
        str,
        Meta(
            description="Where links in mails lead, for example `https://console.example.com`;"
            " when empty, where the header `Referer` of the request says."
        ),
    ] = ""
    reset_path: Annotated[
        str,
        Meta(
            description="Path behind that.",
            extra={"variables": ["TOKEN_RESET_ENDPOINT"]},
        ),
    ] = "/reset-request"
    reset_template_file: Annotated[
        str,
        Meta(description="Jinja file with the mail's blocks `subject`, `text` and `html`."),
    ] = ""
    mail_folder: Annotated[
        str, Meta(description="Folder that mails are written into when there is no mail server.")
    ] = ""
    email_host: Annotated[
        str, Meta(description="Mail server (SMTP).", extra={"variables": ["EMAIL_HOST"]})
    ] = ""
    email_port: Annotated[
        Port, Meta(description="Its port.", extra={"variables": ["EMAIL_PORT"]})
    ] = 25
    email_security: Annotated[
        Security,
        Meta(
            description="`starttls`, `tls` (from the first byte) or `none`; `auto` is `tls` on port"
            " 465, else `starttls` if the server can, which it must if it wants a password."
        ),
    ] = Security.AUTO
    email_username: Annotated[
        str,
        Meta(
            description="Login at the mail server, if it wants one.",
            extra={"variables": ["EMAIL_USERNAME"]},
        ),
    ] = ""
    email_password: Annotated[
        str,
        Meta(
            description="Password there.",
            extra={"variables": ["EMAIL_PASSWORD"], "secret": True},
        ),
    ] = ""
    email_from_address: Annotated[
        str,
        Meta(
            description="Address that mails come from; `supermq@` this host when empty.",
            extra={"variables": ["EMAIL_FROM_ADDRESS"]},
        ),
    ] = ""
    email_from_name: Annotated[
        str,
        Meta(
            description="Name that mails come from.",
            extra={"variables": ["EMAIL_FROM_NAME"]},
        ),
    ] = "SuperMQ"


def require_sound(settings: UsersSettings) -> None:
    """Check what a field's type cannot say.

    Raises:
        SettingsError: Naming every variable that makes no sense.
    """
    problems = [
        f"SMQ_USERS_{name} is shorter than a second"
        for name, duration in (
            ("ACCESS_TOKEN_DURATION", settings.access_token_duration),
            ("REFRESH_TOKEN_DURATION", settings.refresh_token_duration),
        )
        if duration < _SHORTEST
    ]
    try:
        re.compile(settings.pass_regex)
    except re.error as error:
        problems.append(f"SMQ_USERS_PASS_REGEX is malformed: {error}")
    problems += _problems_of_links(settings)
    if problems:
        raise SettingsError(problems)


def _problems_of_links(settings: UsersSettings) -> list[str]:
    """What is wrong with where links in mails lead."""
    problems = []
    if not settings.reset_path.startswith("/"):
        problems.append("SMQ_USERS_RESET_PATH does not begin with a slash")
    if settings.reset_base_url:
        try:
            base_of(settings.reset_base_url)
        except InvalidInput:
            problems.append("SMQ_USERS_RESET_BASE_URL is no http or https address")
    elif settings.production and settings.email_host:
        # Whoever asks for somebody else's link could have it lead to a server of his own.
        problems.append("SMQ_USERS_RESET_BASE_URL is not set and SMQ_PRODUCTION forbids guessing")
    return problems
