"""A gateway fetches its config encrypted."""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import pairwise

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

from shared.contracts.bootstrap import State
from tests.integration.bootstrap.conftest import FETCH_KEY, NewApi
from tests.integration.bootstrap.mappings import Api, Mappings, make_channel, make_config

# From the original's own traffic: the key `key-288113t` under the key these tests run with.
CAPTURED_KEY = "key-288113t"
CAPTURED_HEADER = "000102030405060708090a0b0c0d0e0f711b9fd6247436d7792d0f"


def _mask(block: bytes, key: bytes) -> bytes:
    encryptor = Cipher(AES(key), ECB()).encryptor()  # noqa: S305 - what CFB is made of
    return encryptor.update(block)


def gateway_encrypts(text: bytes, key: bytes = FETCH_KEY.encode()) -> bytes:
    """CFB with segments of a block, written down from its definition (NIST SP 800-38A)."""
    message = [os.urandom(16)]
    for start in range(0, len(text), 16):
        part = text[start : start + 16]
        mask = _mask(message[-1], key)
        message.append(bytes(a ^ b for a, b in zip(part, mask, strict=False)))
    return b"".join(message)


def gateway_decrypts(message: bytes, key: bytes = FETCH_KEY.encode()) -> bytes:
    """The same the other way round."""
    blocks = [message[start : start + 16] for start in range(0, len(message), 16)]
    return b"".join(
        bytes(a ^ b for a, b in zip(block, _mask(previous, key), strict=False))
        for previous, block in pairwise(blocks)
    )


def presented(external_key: str) -> str:
    """What a gateway writes behind the scheme."""
    return gateway_encrypts(external_key.encode()).hex()


async def test_the_decrypted_answer_is_the_plain_answer_to_the_byte(
    bootstrap_api: Api, mappings: Mappings
) -> None:
    config = await mappings.make(
        make_config(channels=[make_channel("data", "data"), make_channel("control", "control")])
    )

    secure = await bootstrap_api.fetch(
        config.external_id, presented(config.external_key), secure=True
    )
    plain = await bootstrap_api.fetch(config.external_id, config.external_key)

    message, expected = await secure.read(), await plain.read()
    assert secure.status == 200
    assert secure.headers["Content-Type"].startswith("application/json")
    assert secure.headers["Content-Length"] == str(16 + len(expected))
    assert gateway_decrypts(message) == expected


@pytest.mark.parametrize("header", [CAPTURED_HEADER, CAPTURED_HEADER.upper()])
async def test_a_captured_header_is_understood_in_either_case(
    bootstrap_api: Api, mappings: Mappings, header: str
) -> None:
    config = await mappings.make(make_config(external_key=CAPTURED_KEY))

    answer = await bootstrap_api.fetch(config.external_id, header, secure=True)

    assert answer.status == 200
    assert str(config.thing_id).encode() in gateway_decrypts(await answer.read())


async def test_two_answers_differ_from_their_first_byte(
    bootstrap_api: Api, mappings: Mappings
) -> None:
    config = await mappings.make(make_config(external_key=CAPTURED_KEY))

    first = await bootstrap_api.fetch(config.external_id, CAPTURED_HEADER, secure=True)
    second = await bootstrap_api.fetch(config.external_id, CAPTURED_HEADER, secure=True)

    assert (await first.read())[:16] != (await second.read())[:16]


@pytest.mark.parametrize("key", ["k" * 16, "k" * 24, "k" * 32])
async def test_keys_of_all_three_lengths_work(
    new_api: NewApi, mappings_in: Callable[[Api], Mappings], key: str
) -> None:
    api = await new_api(BOOTSTRAP_ENCRYPT_KEY=key)
    config = await mappings_in(api).make()

    header = gateway_encrypts(config.external_key.encode(), key.encode()).hex()
    answer = await api.fetch(config.external_id, header, secure=True)

    assert answer.status == 200
    assert config.thing_secret.encode() in gateway_decrypts(await answer.read(), key.encode())


@pytest.mark.parametrize("header", ["label-key", "abc", "00 11", "zz", "ü"])
async def test_what_is_not_hexadecimal_is_forbidden(
    bootstrap_api: Api, mappings: Mappings, header: str
) -> None:
    config = await mappings.make()

    answer = await bootstrap_api.fetch(config.external_id, header, secure=True)

    assert answer.status == 403
    assert (await answer.json())["message"] == (
        "failed to get bootstrap configuration for given encrypted external key"
    )


@pytest.mark.parametrize(
    "header",
    [
        pytest.param("abcd", id="shorter than an IV"),
        pytest.param("00" * 16, id="no key behind the IV"),
        pytest.param("00" * 25, id="another key"),
    ],
)
async def test_what_decrypts_to_something_else_is_forbidden(
    bootstrap_api: Api, mappings: Mappings, header: str
) -> None:
    config = await mappings.make()

    answer = await bootstrap_api.fetch(config.external_id, header, secure=True)

    assert answer.status == 403
    assert (await answer.json())["message"] == (
        "failed to get bootstrap configuration for given external key"
    )


@pytest.mark.parametrize("header", ["00" * 40, "not hexadecimal"])
async def test_an_unknown_external_id_is_noticed_first(bootstrap_api: Api, header: str) -> None:
    answer = await bootstrap_api.fetch("nobody", header, secure=True)

    assert answer.status == 404
    assert (await answer.json())["message"] == "failed to read bootstrap configuration"


async def test_the_key_in_clear_opens_nothing(bootstrap_api: Api, mappings: Mappings) -> None:
    config = await mappings.make(make_config(external_key="00" * 20))

    answer = await bootstrap_api.fetch(config.external_id, config.external_key, secure=True)

    assert answer.status == 403


@pytest.mark.parametrize("external_id", ["33:52/1 ü", "secure", "secure/secure"])
async def test_external_ids_are_any_text(
    bootstrap_api: Api, mappings: Mappings, external_id: str
) -> None:
    config = await mappings.make(make_config(external_id=external_id))

    answer = await bootstrap_api.fetch(external_id, presented(config.external_key), secure=True)

    assert answer.status == 200


async def test_an_inactive_config_is_kept_back_where_activity_is_required(
    new_api: NewApi, mappings_in: Callable[[Api], Mappings]
) -> None:
    api = await new_api(BOOTSTRAP_REQUIRE_ACTIVE="true")
    config = await mappings_in(api).make(make_config(state=State.INACTIVE))

    answer = await api.fetch(config.external_id, presented(config.external_key), secure=True)

    assert answer.status == 404
