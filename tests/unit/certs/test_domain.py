"""Serials and lifetimes, as people write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.certs.authority import Authority
from services.certs.domain import (
    InvalidLifetime,
    LifetimeTooLong,
    MissingLifetime,
    serial_from,
    thing_id_from,
)
from services.certs.service.issuing import Issuer
from shared.pki import SERIAL_BYTES, make_authority, new_serial

NOW = datetime(2026, 11, 21, 12, 0, 0, 250_000, tzinfo=UTC)
MADE = make_authority(NOW)
ISSUER = Issuer(Authority(MADE.chain.encode(), MADE.signing_key.encode(), public_url="", now=NOW))


def test_a_new_serial_has_its_full_length_in_every_spelling() -> None:
    for _ in range(600):
        text = new_serial()
        serial = serial_from(text)
        assert serial is not None
        assert len(serial) == SERIAL_BYTES
        assert f"{int.from_bytes(serial):032x}" == text.replace(":", "")
        assert serial[0] != 0


@pytest.mark.parametrize(
    "text",
    ["", ":", "nope", "ab" * 15, "ab" * 17, "-".join(["ab"] * 16), "a:b" + "ab" * 15, "g" * 32],
)
def test_what_is_no_serial_of_ours_is_none(text: str) -> None:
    assert serial_from(text) is None


@settings(max_examples=25)
@given(st.text(alphabet="0123456789abcdefABCDEF:- \u0660\0"))
def test_any_text_is_a_serial_a_thing_or_neither(text: str) -> None:
    serial, thing_id = serial_from(text), thing_id_from(text)

    assert serial is None or serial.hex() == text.replace(":", "").lower()
    assert thing_id is None or str(thing_id) == text.lower()


@pytest.mark.parametrize(
    ("ttl", "expires_at"),
    [
        ("1h", datetime(2026, 11, 21, 13, 0, 1, tzinfo=UTC)),
        ("1s", datetime(2026, 11, 21, 12, 0, 2, tzinfo=UTC)),
        ("1h30m", datetime(2026, 11, 21, 13, 30, 1, tzinfo=UTC)),
        ("87599h", NOW.replace(microsecond=0) + timedelta(hours=87599, seconds=1)),
    ],
)
def test_an_expiry_counts_in_whole_seconds_and_never_cuts_one_off(
    ttl: str, expires_at: datetime
) -> None:
    assert ISSUER.expiry(ttl, NOW) == expires_at


@pytest.mark.parametrize(
    ("ttl", "error"),
    [
        ("", MissingLifetime),
        ("x", InvalidLifetime),
        ("0", InvalidLifetime),
        ("-1h", InvalidLifetime),
        ("999ms", InvalidLifetime),
        ("87601h", LifetimeTooLong),
        ("9999999999h", LifetimeTooLong),
    ],
)
def test_a_lifetime_that_cannot_be_is_refused(ttl: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        ISSUER.expiry(ttl, NOW)
