"""Settings of the users service, read from SMQ_USERS_* variables."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated

from msgspec import Meta

from shared.settings import Port, PositiveInt, ServiceSettings, SettingsError

_SHORTEST = timedelta(seconds=1)  # tokens count in seconds


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
        str, Meta(description="PEM file with the Ed25519 private key that signs tokens.")
    ] = ""
    service_secret_hashes: Annotated[
        str,
        Meta(
            description="What services prove themselves with, as `<service>=<SHA-256 in hex>,...`; "
            "when empty, the secrets kept in the state folder count."
        ),
    ] = ""
    bcrypt_cost: Annotated[
        int, Meta(ge=4, le=31, description="Work factor of password hashes: 2 to the power of it.")
    ] = 10
    bcrypt_queue: Annotated[
        PositiveInt, Meta(description="Logins that may wait for a thread; more are answered 503.")
    ] = 100


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
    if problems:
        raise SettingsError(problems)
