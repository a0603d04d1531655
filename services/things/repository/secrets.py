"""Secrets of things: sealed in their rows, found and kept unique by fingerprint."""

from __future__ import annotations

from uuid import UUID, uuid4

from shared.postgres.resealing import SealedTable
from shared.sealing import MasterKey, Sealer

_PURPOSE = "things/secret"
SEALED = (
    SealedTable(
        name="things",
        columns={"secret": _PURPOSE},
        fingerprint=("secret_fingerprint", "secret"),
        substitute=lambda: str(uuid4()).encode(),
    ),
)


class ThingSecrets:
    """Seals a secret so that it opens only in its own thing's row."""

    def __init__(self, master_key: MasterKey) -> None:
        self._sealer = Sealer(master_key, _PURPOSE)

    def seal(self, thing_id: UUID, secret: str) -> bytes:
        """What the row holds."""
        return self._sealer.seal(secret.encode(), thing_id.bytes)

    def open(self, thing_id: UUID, sealed: bytes) -> str:
        """The secret that a row holds."""
        return self._sealer.open(sealed, thing_id.bytes).decode()

    def fingerprint(self, secret: str) -> bytes:
        """By what a thing is found; bytes of a header that are not UTF-8 match none."""
        return self._sealer.fingerprint(secret.encode(errors="surrogateescape"))
