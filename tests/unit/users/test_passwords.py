"""bcrypt behind its queue."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from services.users.passwords import BcryptPasswords
from shared.errors import Unavailable


@pytest.fixture
async def passwords() -> AsyncIterator[BcryptPasswords]:
    async with BcryptPasswords.open(cost=4, queue=3, workers=1) as passwords:
        yield passwords


async def test_a_hash_matches_its_secret_alone(passwords: BcryptPasswords) -> None:
    hashed = await passwords.hash("sécret")

    assert hashed.startswith("$2b$04$")
    assert await passwords.matches("sécret", hashed)
    assert not await passwords.matches("secret", hashed)


async def test_nothing_matches_without_a_hash(passwords: BcryptPasswords) -> None:
    assert not await passwords.matches("anything", None)


async def test_what_follows_72_bytes_counts(passwords: BcryptPasswords) -> None:
    hashed = await passwords.hash("a" * 72)

    assert await passwords.matches("a" * 72, hashed)
    assert not await passwords.matches("a" * 73, hashed)


async def test_more_than_the_queue_holds_are_refused(passwords: BcryptPasswords) -> None:
    results = await asyncio.gather(
        *(passwords.matches("x", None) for _ in range(5)), return_exceptions=True
    )

    assert [type(result) for result in results] == [bool, bool, bool, Unavailable, Unavailable]
    assert await passwords.matches("x", None) is False
