"""The keys that sign tokens, and their public halves for everybody who checks them.

Sources: RFC 8037 (Ed25519 in JOSE), RFC 7517 (key sets), RFC 7638 (key ids).
"""

from __future__ import annotations

import hashlib
import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jwt
import structlog
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

logger = structlog.get_logger(__name__)

VARIABLE = "SMQ_USERS_SIGNING_KEY_FILE"
_NAME = "signing-key"
_PEM = re.compile("-----BEGIN [A-Z0-9 ]+-----.+?-----END [A-Z0-9 ]+-----", re.DOTALL)


class SigningKeys:
    """Signs with the first of its keys, reads what any of them signed, and shows them all.

    Args:
        read: Gets the keys; raises SettingsError.

    Attributes:
        dropped: See KeySource.
    """

    def __init__(self, read: Callable[[], Sequence[Ed25519PrivateKey]]) -> None:
        self._read = read
        self.dropped = 0
        self._take(read())

    @property
    def public_keys(self) -> list[dict[str, str]]:
        """The members of a key set, the one that signs first."""
        return self._public

    def reload(self) -> None:
        """Read the keys again; if they cannot be used, those there are stay."""
        try:
            keys = self._read()
        except SettingsError as error:
            logger.warning("signing_keys_not_reloaded", problems=error.problems)
            return
        before = set(self._checking)
        self._take(keys)
        if before - set(self._checking):
            self.dropped += 1
        logger.info("signing_keys_reloaded", key_ids=list(self._checking))

    def sign(self, claims: dict[str, Any]) -> str:
        """See Tokens."""
        headers = {"kid": self._public[0]["kid"]}
        return jwt.encode(claims, self._key, algorithm="EdDSA", headers=headers)

    async def read(self, token: str) -> dict[str, Any]:
        """See Tokens."""
        return await verified_claims(token, self)

    async def find(self, key_id: str) -> jwt.PyJWK | None:
        """See KeySource."""
        return self._checking.get(key_id)

    def _take(self, keys: Sequence[Ed25519PrivateKey]) -> None:
        self._key = keys[0]
        self._public = [public_key(key) for key in keys]
        self._checking = {key["kid"]: jwt.PyJWK.from_dict(key) for key in self._public}


def signing_keys(settings: UsersSettings) -> SigningKeys:
    """The keys in the file that was given, else those kept in the state folder.

    Raises:
        SettingsError: The file cannot be read or holds something else.
    """
    return SigningKeys(lambda: read_keys(settings))


def read_keys(settings: UsersSettings) -> list[Ed25519PrivateKey]:
    """The keys there are, the first of which signs; raises SettingsError."""
    try:
        if settings.signing_key_file:
            text = Path(settings.signing_key_file).read_text()
        else:
            text = kept(settings, _NAME, "", variable=VARIABLE, make=new_key)
        keys = [load_pem_private_key(pem.encode(), password=None) for pem in _PEM.findall(text)]
    except OSError as error:
        raise SettingsError([f"{VARIABLE} cannot be read: {error.strerror}"]) from None
    except (ValueError, TypeError, UnsupportedAlgorithm):
        keys = []
    fit = [key for key in keys if isinstance(key, Ed25519PrivateKey)]
    if not fit or len(fit) < len(keys):
        raise SettingsError([f"{VARIABLE} holds no Ed25519 private keys in PEM, unencrypted"])
    return fit


def key_file(settings: UsersSettings) -> Path:
    """Where the keys are."""
    if settings.signing_key_file:
        return Path(settings.signing_key_file)
    return Path(settings.state_dir).expanduser() / _NAME


def new_key() -> str:
    """A key in PEM."""
    return pem_of(Ed25519PrivateKey.generate())


def pem_of(key: Ed25519PrivateKey) -> str:
    """A key as it stands in the file."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def public_key(key: Ed25519PrivateKey) -> dict[str, str]:
    """The half that everybody may see, as a member of a key set."""
    public: dict[str, str] = json.loads(OKPAlgorithm.to_jwk(key.public_key()))
    return {
        "kty": public["kty"],
        "crv": public["crv"],
        "x": public["x"],
        "kid": _thumbprint(public),
        "use": "sig",
        "alg": "EdDSA",
    }


def _thumbprint(public: dict[str, str]) -> str:
    members = {name: public[name] for name in ("crv", "kty", "x")}
    text = json.dumps(members, separators=(",", ":"), sort_keys=True)
    return urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
