"""What services prove themselves with."""

from __future__ import annotations

import pytest

from services.users.domain.logins import UnknownService
from services.users.service.exchange import ServiceSecrets, hash_of
from services.users.service_secrets import service_hashes
from services.users.settings import UsersSettings

OLD, NEW = "the old secret", "the new secret"


def hashes(*secrets: str) -> str:
    return ",".join(f"provision={hash_of(secret).hex()}" for secret in secrets)


def known(*secrets: str) -> ServiceSecrets:
    settings = UsersSettings(service_secret_hashes=hashes(*secrets))
    return ServiceSecrets(service_hashes(settings))


@pytest.mark.parametrize("secret", [OLD, NEW])
def test_while_a_secret_is_changed_both_are_good(secret: str) -> None:
    known(OLD, NEW).require("provision", secret)


@pytest.mark.parametrize(
    ("service", "secret"), [("provision", OLD), ("things", NEW), ("nobody", NEW), ("provision", "")]
)
def test_another_secret_or_service_is_refused(service: str, secret: str) -> None:
    with pytest.raises(UnknownService):
        known(NEW).require(service, secret)
