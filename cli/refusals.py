"""What a refusal means to the user: the service's words, what to do, and the exit code."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any, NamedTuple

import aiohttp

from cli.codes import CONFLICT, FAILED, NOT_FOUND, REFUSED, UNREACHABLE
from shared.clients.base import NotServed
from shared.errors import (
    Conflict,
    DomainError,
    Forbidden,
    InvalidInput,
    NotFound,
    Unauthenticated,
    Unavailable,
)

_CODES: tuple[tuple[type[DomainError], int], ...] = (
    (NotFound, NOT_FOUND),
    (Conflict, CONFLICT),
    (Unavailable, UNREACHABLE),
    (InvalidInput, REFUSED),
    (Unauthenticated, REFUSED),
    (Forbidden, REFUSED),
)
_TOO_MANY = 429
_SERVER_FAULT = 500
_HINTS = {
    "external_id_taken": "`supermq-cli provision show ID` tells what has it",
    "connected_elsewhere": "--force removes it all the same, --keep-channels leaves the channels",
    "mapping_running": "the same command again joins the one at work",
    "layout_unknown": "`supermq-cli provision layouts` lists them",
    "layout_not_found": "`supermq-cli provision layouts` lists them",
    "credentials_missing": "`supermq-cli login`, or --token",
}
_LOG_IN = "log in with `supermq-cli login`, or give a token with --token or SMQ_TOKEN"
_LOOK = (
    "`supermq-cli health` asks every service; --url or SMQ_URL says where the platform is, "
    "SMQ_USERS_URL, SMQ_THINGS_URL … where each service is"
)


class Refusal(NamedTuple):
    """An error for a person and for a script."""

    text: str
    hint: str
    code: int


def explain(error: DomainError) -> Refusal:
    """Put an error into words."""
    code = next((code for kind, code in _CODES if isinstance(error, kind)), FAILED)
    if isinstance(error, NotServed):
        return _not_served(error)
    if isinstance(error, Unavailable):
        return _unreachable(error, code)
    words = [error.summary, error.reason] if error.reason != error.summary else [error.summary]
    text = ": ".join(word for word in words if word)
    details = "".join(f"\n  {name}: {_shown(value)}" for name, value in error.details.items())
    hint = _HINTS.get(error.code, "")
    if isinstance(error, Unauthenticated) and not hint:
        hint = _LOG_IN
    return Refusal(text + details, hint, code)


def _not_served(error: NotServed) -> Refusal:
    said = f": {error.said}" if error.said else ""
    service = error.reason.partition(" ")[0]
    if error.status == _TOO_MANY:
        wait = f"try again in {error.retry_after_seconds} s"
        return Refusal(f"{service} has heard too much of this{said}", wait, UNREACHABLE)
    if error.status < _SERVER_FAULT:
        return Refusal(f"{service} does not take this call ({error.status}){said}", _LOOK, REFUSED)
    return Refusal(f"{service} cannot serve now ({error.status}){said}", _LOOK, UNREACHABLE)


def _unreachable(error: Unavailable, code: int) -> Refusal:
    for cause in _causes(error):
        if isinstance(cause, aiohttp.ClientConnectorCertificateError):
            text = f"{cause.host}:{cause.port} is not trusted: {cause.certificate_error}"
            return Refusal(text, "--ca-cert or SMQ_CA_CERT names the authority to trust", code)
        if isinstance(cause, aiohttp.ClientConnectorSSLError):
            text = f"{cause.host}:{cause.port} does not speak TLS: {cause.os_error}"
            return Refusal(text, "without TLS the address begins with http://", code)
        if isinstance(cause, aiohttp.ClientConnectorError):
            number = cause.os_error.errno or 0
            reason = os.strerror(number) if number > 0 else cause.os_error.strerror
            text = f"{error.reason}: {cause.host}:{cause.port}: {reason}"
            return Refusal(text, _LOOK, code)
        if isinstance(cause, aiohttp.InvalidURL):
            return Refusal(f"{cause.url} is not an address", _LOOK, code)
    return Refusal(error.reason or error.summary, _LOOK, code)


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause = error.__context__
    while cause is not None:
        yield cause
        cause = cause.__context__


def _shown(value: Any) -> str:
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
