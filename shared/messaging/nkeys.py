"""Account keys as NATS writes them: Ed25519, in base32 with a prefix and a checksum.

Source: https://docs.nats.io/running-a-nats-service/configuration/securing_nats/auth_intro/nkey_auth
"""

from __future__ import annotations

import binascii
import os
from base64 import b32decode, b32encode, urlsafe_b64encode
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_SEED = bytes([18 << 3, 0])  # "SA…": the seed of an account
_ACCOUNT = bytes([0])  # "A…": the public key of an account
_KEY_BYTES = 32
_CHECKSUM_BYTES = 2
_HEADER = {"typ": "JWT", "alg": "ed25519-nkey"}


class MalformedSeed(ValueError):
    """Not the seed of an account."""


class AccountKey:
    """Signs what the broker is to believe.

    Args:
        seed: `SA…`, as `new_seed` makes it.

    Raises:
        MalformedSeed: It is something else.
    """

    def __init__(self, seed: str) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(_decode(seed))
        public = self._key.public_key().public_bytes_raw()
        self.public = _encode(_ACCOUNT + public)
        """`A…`, which the broker's configuration names as the issuer."""

    def sign(self, claims: dict[str, Any]) -> str:
        """A token with these claims and this key as its issuer."""
        text = f"{_part(_HEADER)}.{_part({**claims, 'iss': self.public})}"
        return f"{text}.{_base64(self._key.sign(text.encode()))}"


def new_seed() -> str:
    """The seed of a new account key."""
    return _encode(_SEED + os.urandom(_KEY_BYTES))


def _encode(raw: bytes) -> str:
    checksum = binascii.crc_hqx(raw, 0).to_bytes(_CHECKSUM_BYTES, "little")
    return b32encode(raw + checksum).decode().rstrip("=")


def _decode(seed: str) -> bytes:
    try:
        raw = b32decode(seed + "=" * (-len(seed) % 8))
    except binascii.Error:
        raise MalformedSeed from None
    body, checksum = raw[:-_CHECKSUM_BYTES], raw[-_CHECKSUM_BYTES:]
    if (
        not body.startswith(_SEED)
        or len(body) != len(_SEED) + _KEY_BYTES
        or binascii.crc_hqx(body, 0) != int.from_bytes(checksum, "little")
    ):
        raise MalformedSeed
    return body.removeprefix(_SEED)


def _part(value: dict[str, Any]) -> str:
    return _base64(msgspec.json.encode(value))


def _base64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
