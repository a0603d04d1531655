"""Secrets at rest: sealed with AES-256-GCM, found by keyed hash.

One master key, from which a key per service and purpose is derived (HKDF-SHA256, RFC 5869), so
that a value moved to another column or service does not open. A sealed value is
`version (1) | nonce (12) | ciphertext and tag`; its context (for example the row's id) is
authenticated with it.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import os
from base64 import b64decode, urlsafe_b64decode

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from shared.settings import SettingsError

_VERSION = b"\x01"
_NONCE_BYTES = 12


class SealBroken(Exception):
    """A sealed value does not open: another key, another context, or it was changed."""


class Sealer:
    """Seals and finds the secrets of one service and purpose.

    Args:
        master_key: 32 bytes.
        purpose: What the key is for, `service/purpose`.
    """

    def __init__(self, master_key: bytes, purpose: str) -> None:
        self._cipher = AESGCM(_derive(master_key, f"seal/{purpose}"))
        self._lookup_key = _derive(master_key, f"lookup/{purpose}")

    def seal(self, secret: bytes, context: bytes = b"") -> bytes:
        """Encrypt; two seals of one secret differ."""
        nonce = os.urandom(_NONCE_BYTES)
        return _VERSION + nonce + self._cipher.encrypt(nonce, secret, context)

    def open(self, sealed: bytes, context: bytes = b"") -> bytes:
        """Decrypt.

        Raises:
            SealBroken: Wrong key, wrong context or damaged value.
        """
        if sealed[:1] != _VERSION:
            raise SealBroken("unknown version")
        nonce, text = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        try:
            return self._cipher.decrypt(nonce, text, context)
        except InvalidTag:
            raise SealBroken("wrong key or damaged value") from None

    def fingerprint(self, secret: bytes) -> bytes:
        """32 bytes by which an equal secret is found again, useless without the key."""
        return hmac.digest(self._lookup_key, secret, hashlib.sha256)


def master_key(text: str) -> bytes:
    """Read the master key from base64 (either alphabet, padding optional).

    Raises:
        SettingsError: It is not 32 bytes.
    """
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
