"""Verdicts on tokens are remembered only as long as the key that signed them is there."""

from __future__ import annotations

import json
import time
from typing import Any
from uuid import uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm

from shared.errors import Unauthenticated
from shared.http.auth import ISSUER, CachedKeys, LocalVerifier


class Published:
    """A key set that changes.

    Attributes:
        keys: By id.
    """

    def __init__(self, *key_ids: str) -> None:
        self.keys = {key_id: Ed25519PrivateKey.generate() for key_id in key_ids}

    async def fetch(self) -> dict[str, Any]:
        """As users answers it."""
        members = [
            json.loads(OKPAlgorithm.to_jwk(key.public_key())) | {"kid": key_id, "alg": "EdDSA"}
            for key_id, key in self.keys.items()
        ]
        return {"keys": members}

    def token(self, key_id: str, lifetime_seconds: int = 900) -> str:
        """Signed with a key."""
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "sub": str(uuid4()),
            "jti": str(uuid4()),
            "type": "access",
            "iat": now,
            "exp": now + lifetime_seconds,
        }
        return jwt.encode(claims, self.keys[key_id], algorithm="EdDSA", headers={"kid": key_id})


async def test_a_token_is_refused_once_its_key_is_gone() -> None:
    published = Published("old", "new")
    keys = CachedKeys(published.fetch)
    verifier = LocalVerifier(keys)
    old, new = published.token("old"), published.token("new")
    for token in (old, new):
        assert (await verifier.verify(token)).token == token

    del published.keys["old"]
    await keys.refresh()

    assert (await verifier.verify(new)).token == new
    with pytest.raises(Unauthenticated):
        await verifier.verify(old)


async def test_a_further_key_changes_nothing_for_tokens_of_before() -> None:
    published = Published("old")
    keys = CachedKeys(published.fetch)
    verifier = LocalVerifier(keys)
    old = published.token("old")
    before = await verifier.verify(old)

    published.keys["new"] = Ed25519PrivateKey.generate()
    await keys.refresh()

    assert await verifier.verify(old) is before
    assert (await verifier.verify(published.token("new"))).user_id


async def test_verdicts_on_tokens_that_have_expired_are_forgotten() -> None:
    published = Published("key")
    now = time.time()
    verifier = LocalVerifier(CachedKeys(published.fetch), clock=lambda: now)
    for _ in range(20):
        await verifier.verify(published.token("key"))
    assert verifier.remembered == 20
    now += 899

    lasting = published.token("key", lifetime_seconds=3600)
    await verifier.verify(lasting)
    assert verifier.remembered == 21
    now += 61
    await verifier.verify(published.token("key", lifetime_seconds=3600))

    assert verifier.remembered == 2
    assert (await verifier.verify(lasting)).token == lasting
