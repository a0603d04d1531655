"""Secrets at rest."""

from __future__ import annotations

from base64 import b64encode, urlsafe_b64encode

import pytest

from shared.sealing import MasterKey, SealBroken, Sealer, master_key
from shared.settings import SettingsError

OLD, NEW, LOOKUP = bytes(range(32)), bytes([1] * 32), bytes([2] * 32)
KEY = MasterKey(OLD, lookup=LOOKUP)


def test_what_is_sealed_opens_again() -> None:
    sealer = Sealer(KEY, "things/secret")

    assert sealer.open(sealer.seal(b"secret", b"row"), b"row") == b"secret"


def test_a_sealed_value_does_not_show_the_secret_and_never_repeats() -> None:
    sealer = Sealer(KEY, "things/secret")

    first, second = sealer.seal(b"the secret"), sealer.seal(b"the secret")

    assert b"the secret" not in first
    assert first != second


@pytest.mark.parametrize(
    "reader",
    [Sealer(MasterKey(NEW), "things/secret"), Sealer(KEY, "bootstrap/external-key")],
    ids=["another master key", "another purpose"],
)
def test_another_key_does_not_open_it(reader: Sealer) -> None:
    sealed = Sealer(KEY, "things/secret").seal(b"secret")

    with pytest.raises(SealBroken):
        reader.open(sealed)


def test_a_value_moved_to_another_row_does_not_open() -> None:
    sealer = Sealer(KEY, "things/secret")

    with pytest.raises(SealBroken):
        sealer.open(sealer.seal(b"secret", b"row 1"), b"row 2")


def test_a_damaged_value_does_not_open() -> None:
    sealer = Sealer(KEY, "things/secret")
    sealed = bytearray(sealer.seal(b"secret"))
    sealed[-1] ^= 1

    with pytest.raises(SealBroken):
        sealer.open(bytes(sealed))


def test_equal_secrets_are_found_by_equal_fingerprints_of_one_purpose_only() -> None:
    things, configs = Sealer(KEY, "things/secret"), Sealer(KEY, "bootstrap/thing-key")

    assert things.fingerprint(b"a") == things.fingerprint(b"a")
    assert things.fingerprint(b"a") != things.fingerprint(b"b")
    assert things.fingerprint(b"a") != configs.fingerprint(b"a")


@pytest.mark.parametrize("encode", [b64encode, urlsafe_b64encode])
def test_the_master_key_is_read_in_both_alphabets_with_or_without_padding(
    encode: type[bytes],
) -> None:
    key = bytes([255] * 32)
    text = encode(key).decode()

    assert master_key(text).current == key
    assert master_key(text.rstrip("=")).current == key


def test_earlier_keys_stand_behind_the_master_key() -> None:
    text = ", ".join(b64encode(key).decode() for key in (NEW, OLD))

    assert master_key(text) == MasterKey(NEW, (OLD,))


def test_what_an_earlier_key_sealed_opens_and_is_found_under_the_new_one() -> None:
    before = Sealer(KEY, "things/secret")
    after = Sealer(MasterKey(NEW, (OLD,), lookup=LOOKUP), "things/secret")
    sealed = before.seal(b"secret")

    assert after.open(sealed) == b"secret"
    assert not after.is_current(sealed)
    assert after.is_current(after.seal(b"secret"))
    assert after.fingerprint(b"secret") == before.fingerprint(b"secret")


@pytest.mark.parametrize("text", ["", "short", "x" * 50, "äöü", f"{b64encode(OLD).decode()},short"])
def test_a_master_key_of_another_length_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="SMQ_ENCRYPTION_KEY"):
        master_key(text)
