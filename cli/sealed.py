"""The encrypted fetch, from the gateway's side (docs/secure-fetch.md)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES

from cli.asking import take_secret
from cli.choices import CliError, variable
from cli.codes import FAILED

if TYPE_CHECKING:
    from cli.session import Session

_IV_BYTES = 16
_KEY_BYTES = (16, 24, 32)


async def fetch_sealed(
    session: Session, external_id: str, external_key: str, key_file: str | None
) -> bytes:
    """A config, encrypted on its way; answers it decrypted.

    Raises:
        CliError: There is no encryption key, or it is not of a length that AES has.
    """
    given = variable("BOOTSTRAP_ENCRYPT_KEY") or None
    text = take_secret(
        None if key_file else given, key_file, what="encryption key", is_password=False
    )
    key = text.encode()
    if len(key) not in _KEY_BYTES:
        raise CliError(f"the encryption key has {len(key)} bytes, not 16, 24 or 32")
    sealed = encrypt(key, external_key.encode()).hex()
    message = await session.platform.bootstrap.fetch_sealed(external_id, sealed)
    if len(message) < _IV_BYTES:
        raise CliError("the answer is too short to be an encrypted one", code=FAILED)
    return decrypt(key, message)


def encrypt(key: bytes, text: bytes) -> bytes:
    """A fresh IV and the ciphertext."""
    iv = os.urandom(_IV_BYTES)
    encryptor = Cipher(AES(key), CFB(iv)).encryptor()
    return iv + encryptor.update(text) + encryptor.finalize()


def decrypt(key: bytes, message: bytes) -> bytes:
    """The text of a message; nonsense under another key."""
    decryptor = Cipher(AES(key), CFB(message[:_IV_BYTES])).decryptor()
    return decryptor.update(message[_IV_BYTES:]) + decryptor.finalize()
