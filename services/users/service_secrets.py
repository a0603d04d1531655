"""Where users learns what other services prove themselves with."""

from __future__ import annotations

import re

from services.users.service.exchange import SERVICES, hash_of
from services.users.settings import UsersSettings
from shared.settings import SettingsError
from shared.state import kept

_VARIABLE = "SMQ_USERS_SERVICE_SECRET_HASHES"
_HASH = re.compile("[0-9a-fA-F]{64}")


def service_hashes(settings: UsersSettings) -> dict[str, list[bytes]]:
    """SHA-256 of each service's secrets: those given, else of the secrets kept on this machine.

    A service that is given twice may use either, so that its secret can be changed while it runs.

    Raises:
        SettingsError: What was given is malformed.
    """
    if not settings.service_secret_hashes:
        return {service: [hash_of(_kept_secret(settings, service))] for service in SERVICES}
    hashes: dict[str, list[bytes]] = {}
    for entry in settings.service_secret_hashes.split(","):
        service, _, text = entry.strip().partition("=")
        if service not in SERVICES or not _HASH.fullmatch(text):
            raise SettingsError([f"{_VARIABLE} is not like provision=<SHA-256 in hex>,..."])
        hashes.setdefault(service, []).append(bytes.fromhex(text))
    return hashes


def _kept_secret(settings: UsersSettings, service: str) -> str:
    """The secret under the name by which the service itself keeps it; the first asker makes it."""
    return kept(settings, f"service-secret-{service}", "", variable=_VARIABLE)
