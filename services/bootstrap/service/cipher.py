"""The cipher of secure fetches, which gateways in the field cannot change.

AES in CFB mode with full-block segments; a message is a fresh IV and the ciphertext. It hides, but
proves nothing: neither a changed nor a repeated message is noticed.
"""

from __future__ import annotations

import os

from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES

_IV_BYTES = 16


class FetchCipher:
    """Encrypts and decrypts under one key of 16, 24 or 32 bytes."""

    def __init__(self, key: bytes) -> None:
        self._algorithm = AES(key)

    def encrypt(self, text: bytes) -> bytes:
        """Two messages of one text differ."""
        iv = os.urandom(_IV_BYTES)
        encryptor = Cipher(self._algorithm, CFB(iv)).encryptor()
        return iv + encryptor.update(text) + encryptor.finalize()

    def decrypt(self, message: bytes) -> bytes:
        """Under a wrong key this answers nonsense.

        Raises:
            ValueError: It is shorter than an IV.
        """
        iv, text = message[:_IV_BYTES], message[_IV_BYTES:]
        if len(iv) < _IV_BYTES:
            raise ValueError("message is shorter than its IV")
        decryptor = Cipher(self._algorithm, CFB(iv)).decryptor()
        return decryptor.update(text) + decryptor.finalize()
