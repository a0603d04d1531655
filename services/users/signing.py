"""The key that signs tokens, and its public half for everybody who checks them.

Sources: RFC 8037 (Ed25519 in JOSE), RFC 7517 (key sets), RFC 7638 (key ids).
"""

from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Any

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from jwt.algorithms import OKPAlgorithm

from services.users.settings import UsersSettings
from shared.http.auth import verified_claims
from shared.settings import SettingsError
from shared.state import kept

_VARIABLE = "SMQ_USERS_SIGNING_KEY_FILE"


class SigningKey:
    """Signs tokens, reads them back, and shows the public key they are checked with."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        public: dict[str, str] = json.loads(OKPAlgorithm.to_jwk(key.public_key()))
        self.key_id = _thumbprint(public)
        self._public = {
            "kty": public["kty"],
            "crv": public["crv"],
            "x": public["x"],
            "kid": self.key_id,
            "use": "sig",
            "alg": "EdDSA",
        }
        self._checking = jwt.PyJWK.from_dict(self._public)

    @property
    def public_keys(self) -> list[dict[str, str]]:
        """The members of a key set."""
        return [self._public]

    def sign(self, claims: dict[str, Any]) -> str:
        """See Tokens."""
        return jwt.encode(claims, self._key, algorithm="EdDSA", headers={"kid": self.key_id})

    async def read(self, token: str) -> dict[str, Any]:
        """See Tokens."""
        return await verified_claims(token, self)

    async def find(self, key_id: str) -> jwt.PyJWK | None:
        """See KeySource."""
        return self._checking if key_id == self.key_id else None


def signing_key(settings: UsersSettings) -> SigningKey:
    """The key in the file that was given, else the one kept in the state folder.

    Raises:
        SettingsError: The file cannot be read or holds something else.
    """
    try:
        if settings.signing_key_file:
            text = Path(settings.signing_key_file).read_bytes()
        else:
            text = kept(settings, "signing-key", "", variable=_VARIABLE, make=_new_key).encode()
        key = load_pem_private_key(text, password=None)
    except OSError as error:
        raise SettingsError([f"{_VARIABLE} cannot be read: {error.strerror}"]) from None
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise SettingsError([f"{_VARIABLE} holds no Ed25519 private key in PEM, unencrypted"])
    return SigningKey(key)


def _new_key() -> str:
    key = Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _thumbprint(public: dict[str, str]) -> str:
    members = {name: public[name] for name in ("crv", "kty", "x")}
    text = json.dumps(members, separators=(",", ":"), sort_keys=True)
    return urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
