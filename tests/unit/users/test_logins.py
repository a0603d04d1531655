"""Logins take the same time whatever is wrong with them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID, uuid4

import pytest

from services.users.domain.accounts import Role, User
from services.users.domain.logins import Login, TokenFamily, WrongLogin
from services.users.ports import FamilyStore, Tokens, UserStore
from services.users.service.guessing import LoginGuard
from services.users.service.logins import LoginService
from shared.contracts.common import Status
from tests.unit.users.counts import Counts

ADDRESS = "192.0.2.1"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class Logins:
    """Knows accounts by their canonical name."""

    def __init__(self, *logins: Login) -> None:
        self._logins = {login.user.identity: login for login in logins}

    async def find_login(self, canonical: str) -> Login | None:
        return self._logins.get(canonical)


class CountingPasswords:
    """Compares at once, and counts; a hash is `hash of <secret>`."""

    def __init__(self) -> None:
        self.comparisons = 0

    async def hash(self, secret: str) -> str:
        return f"hash of {secret}"

    async def matches(self, secret: str, hashed: str | None) -> bool:
        self.comparisons += 1
        return hashed == f"hash of {secret}"


class Families:
    """Keeps families."""

    def __init__(self) -> None:
        self.kept: list[TokenFamily] = []

    async def insert(self, family: TokenFamily, *, now: datetime) -> None:
        self.kept.append(family)


class ClearTokens:
    """Tokens anybody can read."""

    def sign(self, claims: dict[str, Any]) -> str:
        return f"{claims['type']} {claims['sub']} {claims['exp']}"


def login_of(identity: str, *, status: Status = Status.ENABLED) -> Login:
    user = User(
        id=uuid4(),
        name="",
        identity=identity,
        owner_id=None,
        tags=[],
        metadata={},
        role=Role.USER,
        status=status,
        created_at=NOW,
        updated_at=NOW,
    )
    return Login(user=user, secret_hash="hash of right", epoch=7)


ALICE = login_of("alice@example.com")
DISABLED = login_of("disabled@example.com", status=Status.DISABLED)


@pytest.fixture
def passwords() -> CountingPasswords:
    return CountingPasswords()


@pytest.fixture
def families() -> Families:
    return Families()


@pytest.fixture
def service(passwords: CountingPasswords, families: Families) -> LoginService:
    return LoginService(
        users=cast("UserStore", Logins(ALICE, DISABLED)),
        families=cast("FamilyStore", families),
        passwords=passwords,
        tokens=cast("Tokens", ClearTokens()),
        guard=LoginGuard(by_address=Counts(), by_identity=Counts()),
        access_lifetime=timedelta(minutes=15),
        refresh_lifetime=timedelta(hours=24),
        now=lambda: NOW,
        new_id=lambda: UUID(int=1),
    )


@pytest.mark.parametrize(
    ("identity", "secret"),
    [
        ("alice@example.com", "wrong"),
        ("disabled@example.com", "right"),
        ("disabled@example.com", "wrong"),
        ("nobody@example.com", "right"),
        ("no address", "right"),
    ],
)
async def test_a_failed_login_costs_one_comparison(
    service: LoginService,
    passwords: CountingPasswords,
    families: Families,
    identity: str,
    secret: str,
) -> None:
    with pytest.raises(WrongLogin):
        await service.log_in(identity, secret, ADDRESS)

    assert passwords.comparisons == 1
    assert families.kept == []


async def test_a_login_begins_a_family_of_the_accounts_epoch(
    service: LoginService, passwords: CountingPasswords, families: Families
) -> None:
    pair = await service.log_in("Alice@example.com", "right", ADDRESS)

    [family] = families.kept
    assert (family.user_id, family.epoch) == (ALICE.user.id, 7)
    assert family.expires_at == NOW + timedelta(hours=24)
    assert pair.access == f"access {ALICE.user.id} {int(NOW.timestamp()) + 900}"
    assert pair.refresh == f"refresh {ALICE.user.id} {int(NOW.timestamp()) + 86400}"
    assert passwords.comparisons == 1
