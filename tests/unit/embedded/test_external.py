"""Servers of the operator's own, as they are shown and asked."""

import pytest

from deploy.embedded.external import External


@pytest.mark.parametrize(
    ("url", "shown", "asked"),
    [
        (
            "postgresql://me:secret@db.example/x?password=secret",
            "postgresql://db.example/x",
            "tcp://db.example:5432",
        ),
        ("rediss://:secret@[::1]/0", "rediss://[::1]/0", "tcp://[::1]:6379"),
        ("nats://a:s@one:1,nats://a:s@two:2", "nats://one:1", "tcp://one:1"),
        ("postgresql:///x?host=/run/postgresql", "postgresql:///x", None),
    ],
)
def test_a_url_is_shown_without_secrets(url: str, shown: str, asked: str | None) -> None:
    server = External("server", "SMQ_X_URL", url)

    assert server.public_url == shown
    assert server.check_url == asked
