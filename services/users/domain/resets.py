"""Forgotten passwords, and why a reset is refused."""

from __future__ import annotations

from datetime import timedelta

from msgspec import Struct

from shared.errors import InvalidInput, Unauthenticated, Unavailable


class ResetMail(Struct, frozen=True, kw_only=True):
    """What somebody is sent who has forgotten his password.

    Attributes:
        recipient: His login name.
        link: Where he chooses another one; whoever has it may do so.
        lifetime: How long the link is good.
    """

    recipient: str
    name: str
    link: str
    lifetime: timedelta


class MissingEmail(InvalidInput):
    """There is no address to send the link to."""

    code = "missing_email"

    def __init__(self) -> None:
        super().__init__("missing email")


class MalformedReferer(InvalidInput):
    """Nobody knows where the link shall lead."""

    code = "malformed_referer"

    def __init__(self) -> None:
        super().__init__("missing or malformed Referer header")


class MissingResetToken(InvalidInput):
    """There is no token of a mail."""

    code = "missing_token"

    def __init__(self) -> None:
        super().__init__("missing reset token")


class SecretsDiffer(InvalidInput):
    """The password and its repetition are not the same."""

    code = "secrets_differ"

    def __init__(self) -> None:
        super().__init__("password and confirm_password differ")


class ResetRefused(Unauthenticated):
    """The token is none, was used, has expired, or the password has changed since."""

    code = "reset_refused"

    def __init__(self) -> None:
        super().__init__("reset token is not good")


class MailNotSetUp(Unavailable):
    """The operator has named neither a mail server nor a folder."""

    code = "mail_not_set_up"

    def __init__(self) -> None:
        super().__init__("sending mail is not set up", retry_after_seconds=0)


class MailRefused(Exception):
    """The mail server will never take this mail; nobody is told but the log."""
