"""What a password must be."""

from __future__ import annotations

import re

import pytest

from services.users.domain.accounts import MissingSecret, SecretTooLong, WeakSecret
from services.users.service.secrets import require_secret

RULE = re.compile("^.{8,}$")


@pytest.mark.parametrize("secret", ["12345678", "a" * 72, "ü" * 36, "with some blanks"])
def test_a_secret_is_accepted(secret: str) -> None:
    require_secret(secret, RULE)


@pytest.mark.parametrize(
    ("secret", "refusal"),
    [
        ("", MissingSecret),
        ("1234567", WeakSecret),
        ("a" * 73, SecretTooLong),
        ("ü" * 37, SecretTooLong),
    ],
)
def test_a_secret_is_refused(secret: str, refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        require_secret(secret, RULE)


def test_a_rule_may_ask_for_a_part_only() -> None:
    rule = re.compile("[0-9]")

    require_secret("with a 1", rule)
    with pytest.raises(WeakSecret):
        require_secret("without", rule)
