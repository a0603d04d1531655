"""Which login names are e-mail addresses, and which of them are the same."""

from __future__ import annotations

import pytest

from services.users.domain.accounts import MalformedIdentity
from services.users.identity import canonical_identity


@pytest.mark.parametrize(
    "typed",
    [
        "a@b.c",
        "john.doe@email.com",
        "admin@localhost.localdomain",
        "!#$%&'*+/=?^_{|}~.-`@example.com",
        "a" * 64 + "@example.com",
        "a@" + "b" * 230 + "." + "c" * 24,
        "a@xn--bcher-kva.example",
        "a@under_score.example",
        "a@127.0.0.1",
        "a@example.xn--vermgensberatung-pwb",
    ],
)
def test_an_address_is_accepted_as_it_is(typed: str) -> None:
    assert canonical_identity(typed) == typed


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "@",
        "a",
        "a@",
        "@b.c",
        "a@b",
        "a@b@c.d",
        "a@@b.c",
        ".a@b.c",
        "a.@b.c",
        "a..b@c.d",
        "a b@c.d",
        "a,b@c.d",
        '"a b"@c.d',
        "a\n@b.c",
        "a@b.c\n",
        "a" * 65 + "@example.com",
        "a@.c",
        "a@b.",
        "a@b..c",
        "a@b c.d",
        "a@b\t.c",
        "a@b\x00.c",
        "a@b\x7f.c",
        "a@" + "b" * 254 + ".c",
        "a@b." + "c" * 25,
        "a@\u00a0ü.c",
        "a@ü_ü.c",
        "a@ü\u200b\u2028.c",
        "\u00a0ü@b.c",
        "ü" * 2000 + "@b.c",
        "a@" + "ü" * 64 + ".c",
        "a@vermögensberatungsgesellschaft.vermögensberatungsgesellschaft",
        "<a@b.c>",
    ],
)
def test_what_is_no_address_is_refused(typed: str) -> None:
    with pytest.raises(MalformedIdentity):
        canonical_identity(typed)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("John.Doe@Email.COM", "john.doe@email.com"),
        ("a@bücher.example", "a@xn--bcher-kva.example"),
        ("a@BÜCHER.example", "a@bücher.EXAMPLE"),
        ("a@bücher\u3002example", "a@bücher.example"),
        ("jörg@b.c", "JÖRG@b.c"),
        ("jo\u0308rg+x@b.c", "jörg+x@b.c"),
    ],
)
def test_two_spellings_of_one_address_are_the_same(one: str, other: str) -> None:
    assert canonical_identity(one) == canonical_identity(other)


@pytest.mark.parametrize(
    ("one", "other"), [("a+x@b.c", "a@b.c"), ("a.b@c.d", "ab@c.d"), ("jörg@b.c", "jorg@b.c")]
)
def test_two_addresses_are_not(one: str, other: str) -> None:
    assert canonical_identity(one) != canonical_identity(other)
