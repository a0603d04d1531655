"""Secrets at rest: sealed with AES-256-GCM, found by keyed hash.

One master key, from which a key per service and purpose is derived (HKDF-SHA256, RFC 5869), so
that a value moved to another column or service does not open. A sealed value is
`version (1) | key's id (4) | nonce (12) | ciphertext and tag`; its context (for example the row's
id) is authenticated with it.

Hashes are made with another key, of each database's own: so the master key can be changed while
everything runs, value by value, and what is found by its hash stays found.
"""

from __future__ import annotations

import binascii
import hashlib
import os
from base64 import b64decode, urlsafe_b64decode

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from msgspec import Struct

from shared.settings import SettingsError

_VERSION = b"\x02"
_ID_BYTES = 4
_NONCE_BYTES = 12
_TEXT_AT = len(_VERSION) + _ID_BYTES + _NONCE_BYTES


class SealBroken(Exception):
    """A sealed value does not open: another key, another context, or it was changed."""


class MasterKey(Struct, frozen=True):
    """What the keys of all purposes are derived from; 32 bytes each.

    Attributes:
        current: Seals.
        previous: Those that values may still be sealed with.
        lookup: Makes fingerprints; empty until the database has told it.
    """

    current: bytes
    previous: tuple[bytes, ...] = ()
    lookup: bytes = b""


class Sealer:
    """Seals and finds the secrets of one service and purpose.

    Args:
        purpose: What the key is for, `service/purpose`.
    """

    def __init__(self, master_key: MasterKey, purpose: str) -> None:
        self._ciphers = {
            key_id(key): AESGCM(_derive(key, f"seal/{purpose}"))
            for key in (*master_key.previous, master_key.current)
        }
        self._current = key_id(master_key.current)
        self._lookup_key = _derive(master_key.lookup, f"lookup/{purpose}")

    def seal(self, secret: bytes, context: bytes = b"") -> bytes:
        """Encrypt; two seals of one secret differ."""
        nonce = os.urandom(_NONCE_BYTES)
        text = self._ciphers[self._current].encrypt(nonce, secret, context)
        return _VERSION + self._current + nonce + text

    def open(self, sealed: bytes, context: bytes = b"") -> bytes:
        """Decrypt.

        Raises:
            SealBroken: Wrong key, wrong context or damaged value.
        """
        if sealed[:1] != _VERSION:
            raise SealBroken("unknown version")
        cipher = self._ciphers.get(sealed[1 : 1 + _ID_BYTES])
        if cipher is None:
            raise SealBroken("another key")
        try:
            return cipher.decrypt(sealed[1 + _ID_BYTES : _TEXT_AT], sealed[_TEXT_AT:], context)
        except InvalidTag:
            raise SealBroken("wrong context or damaged value") from None

    def is_current(self, sealed: bytes) -> bool:
        """Whether a value is sealed with the key that seals now."""
        return sealed[1 : 1 + _ID_BYTES] == self._current

    def fingerprint(self, secret: bytes) -> bytes:
        """32 bytes by which an equal secret is found again, useless without the key."""
        return hashlib.blake2b(secret, key=self._lookup_key, digest_size=32).digest()


def master_key(text: str) -> MasterKey:
    """Read the master key, behind it perhaps earlier ones, separated by commas.

    Raises:
        SettingsError: One of them is not 32 bytes in base64 (either alphabet, padding optional).
    """
    current, *previous = map(_key, text.split(","))
    return MasterKey(current, tuple(previous))


def key_id(key: bytes) -> bytes:
    """By which a sealed value names its key, without telling anything about it."""
    return _derive(key, "id")[:_ID_BYTES]


def _key(text: str) -> bytes:
    padded = text.strip() + "=" * (-len(text.strip()) % 4)
    for decode in (b64decode, urlsafe_b64decode):
        try:
            key = decode(padded)
        except (binascii.Error, ValueError):
            continue
        if len(key) == 32:
            return key
    raise SettingsError(["SMQ_ENCRYPTION_KEY is not 32 bytes in base64"])


def _derive(key: bytes, label: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=f"supermq/{label}".encode()).derive(
        key
    )
