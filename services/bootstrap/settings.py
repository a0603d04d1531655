"""Settings of the bootstrap service, read from SMQ_BOOTSTRAP_* variables."""

from __future__ import annotations

import secrets
from typing import Annotated

from msgspec import Meta

from shared.settings import Port, ServiceSettings, SettingsError
from shared.state import kept

_KEY_VARIABLE = "SMQ_BOOTSTRAP_ENCRYPT_KEY"
_KEY_BYTES = (16, 24, 32)


class BootstrapSettings(ServiceSettings, frozen=True, kw_only=True):
    """What the operator can set."""

    http_port: Annotated[Port, Meta(description="Port to listen on.")] = 9013
    encrypt_key: Annotated[
        str,
        Meta(
            description="Key of secure fetches, 16, 24 or 32 bytes, taken as they are.",
            extra={"secret": True},
        ),
    ] = ""
    require_active: Annotated[
        bool, Meta(description="Hand out configs only while they are active.")
    ] = False
    things_url: Annotated[
        str, Meta(description="Where things answers.", extra={"variables": ["THINGS_URL"]})
    ] = "http://localhost:9000"
    fetch_failures_per_minute: Annotated[
        int,
        Meta(
            ge=0,
            description="Failed fetches with one external id from one address after which it is"
            " refused for the rest of the minute; 0 for no limit.",
        ),
    ] = 60


def check_fetch_key(settings: BootstrapSettings) -> None:
    """Refuse a given key that AES cannot use; raises SettingsError."""
    if settings.encrypt_key:
        _key_bytes(settings.encrypt_key)


def fetch_key(settings: BootstrapSettings) -> bytes:
    """The AES key of secure fetches, given or kept.

    Earlier releases published a default; everybody knows that one, so it would protect nothing.
    Without a given key one is made for this installation.

    Raises:
        SettingsError: AES has no keys of that length.
    """
    text = kept(
        settings,
        "bootstrap-encrypt-key",
        settings.encrypt_key,
        variable=_KEY_VARIABLE,
        make=lambda: secrets.token_hex(16),
    )
    return _key_bytes(text)


def _key_bytes(text: str) -> bytes:
    key = text.encode(errors="surrogateescape")
    if len(key) not in _KEY_BYTES:
        raise SettingsError([f"{_KEY_VARIABLE} has {len(key)} bytes; it needs 16, 24 or 32"])
    return key
