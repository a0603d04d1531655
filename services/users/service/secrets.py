"""What a password must be."""

from __future__ import annotations

import re

from services.users.domain.accounts import MissingSecret, SecretTooLong, WeakSecret

MAX_SECRET_BYTES = 72  # what bcrypt reads; the rest would be ignored


def require_secret(secret: str, rule: re.Pattern[str]) -> None:
    """Accept a new password.

    Raises:
        MissingSecret: It is empty.
        SecretTooLong: Longer than bcrypt reads; it is refused rather than cut.
        WeakSecret: It breaks the operator's rule.
    """
    if not secret:
        raise MissingSecret
    if len(secret.encode()) > MAX_SECRET_BYTES:
        raise SecretTooLong(MAX_SECRET_BYTES)
    if not rule.search(secret):
        raise WeakSecret
