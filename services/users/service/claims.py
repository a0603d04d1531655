"""What stands in every token."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from services.users.domain.accounts import User
from shared.http.auth import ISSUER

ACCESS = "access"
REFRESH = "refresh"
SERVICE = "service"


def claims_of(
    user: User,
    kind: str,
    *,
    token_id: UUID,
    now: datetime,
    lifetime: timedelta,
    epoch: int = 0,
) -> dict[str, Any]:
    """The claims of a user's token of a kind; some kinds add theirs."""
    return {
        "iss": ISSUER,
        "sub": str(user.id),
        "identity": user.identity,
        "role": user.role.value,
        "type": kind,
        "jti": str(token_id),
        "epoch": epoch,
        "iat": int(now.timestamp()),
        "exp": int((now + lifetime).timestamp()),
    }
