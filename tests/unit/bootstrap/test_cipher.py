"""Secure fetches as gateways in the field do them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from services.bootstrap.service.cipher import FetchCipher

# Captured from the original service; key, header and answer belong together.
VECTOR = json.loads((Path(__file__).parent / "secure_vector.json").read_text())


@pytest.fixture
def cipher() -> FetchCipher:
    return FetchCipher(VECTOR["key_ascii"].encode())


def test_a_captured_header_holds_the_external_key(cipher: FetchCipher) -> None:
    message = bytes.fromhex(VECTOR["authorization"].removeprefix("Thing "))

    assert cipher.decrypt(message).decode() == VECTOR["external_key"]


def test_a_captured_answer_holds_the_config(cipher: FetchCipher) -> None:
    message = bytes.fromhex(VECTOR["response_body_hex"])

    assert cipher.decrypt(message).decode() == VECTOR["response_plaintext"]


def test_a_message_is_its_iv_and_as_many_bytes_as_the_text(cipher: FetchCipher) -> None:
    text = b"seventeen letters"

    first, second = cipher.encrypt(text), cipher.encrypt(text)

    assert len(first) == 16 + len(text)
    assert first[:16] != second[:16]
    assert cipher.decrypt(first) == cipher.decrypt(second) == text


def test_under_another_key_a_message_is_nonsense(cipher: FetchCipher) -> None:
    other = FetchCipher(b"k" * 16)

    assert other.decrypt(cipher.encrypt(b"some text")) != b"some text"


def test_a_message_shorter_than_its_iv_is_refused(cipher: FetchCipher) -> None:
    with pytest.raises(ValueError, match="shorter"):
        cipher.decrypt(b"x" * 15)
