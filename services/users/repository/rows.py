"""Rows into accounts."""

from __future__ import annotations

from datetime import datetime

import asyncpg

from services.users.domain.accounts import Role, User
from services.users.domain.logins import Login
from shared.contracts.common import Status


def epoch_of(moment: datetime) -> int:
    """The epoch that begins now; later than all before, also when a clock was set back."""
    return int(moment.timestamp() * 1_000_000)


def login_of(row: asyncpg.Record) -> Login:
    return Login(user=user_of(row), secret_hash=row["secret_hash"], epoch=row["epoch"])


def user_of(row: asyncpg.Record) -> User:
    """The account in a row."""
    return User(
        id=row["id"],
        name=row["name"],
        identity=row["identity"],
        owner_id=row["owner_id"],
        tags=row["tags"],
        metadata=row["metadata"],
        role=Role(row["role"]),
        status=Status(row["status"]),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        updated_by=row["updated_by"],
    )
