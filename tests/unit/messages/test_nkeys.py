"""Account keys in the broker's notation."""

from __future__ import annotations

import json
from base64 import b32decode, urlsafe_b64decode

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from shared.messaging.nkeys import AccountKey, MalformedSeed, new_seed


def test_a_token_is_signed_by_the_key_that_is_its_issuer() -> None:
    seed = new_seed()
    key = AccountKey(seed)

    head, body, signature = key.sign({"sub": "U1"}).split(".")

    public = b32decode(key.public + "=" * (-len(key.public) % 8))[1:33]
    Ed25519PublicKey.from_public_bytes(public).verify(_raw(signature), f"{head}.{body}".encode())
    assert json.loads(_raw(head)) == {"typ": "JWT", "alg": "ed25519-nkey"}
    assert json.loads(_raw(body)) == {"sub": "U1", "iss": key.public}
    assert (seed[:2], key.public[0], len(seed), len(key.public)) == ("SA", "A", 58, 56)
    assert AccountKey(seed).public == key.public
    assert new_seed() != seed


def test_what_is_no_seed_of_an_account_is_refused() -> None:
    seed = new_seed()
    swapped = seed[:20] + ("A" if seed[20] != "A" else "B") + seed[21:]
    user = "SU" + seed[2:]

    for wrong in ("", "SA", "not base32!", AccountKey(seed).public, swapped, user, seed.lower()):
        with pytest.raises(MalformedSeed):
            AccountKey(wrong)


def _raw(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
