"""Libraries without the extras that they import wherever they find them.

structlog brings rich for coloured terminals, redis brings OpenTelemetry for metrics of its own. A
service uses neither, and they are a fifth of its start. To be imported before those two.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def _hidden(name: str) -> Iterator[None]:
    found = sys.modules.get(name)
    sys.modules[name] = None  # type: ignore[assignment]  # what the import system calls missing
    try:
        yield
    finally:
        del sys.modules[name]
        if found is not None:
            sys.modules[name] = found


with _hidden("rich"):
    import structlog  # noqa: F401

with _hidden("opentelemetry"):
    import redis.asyncio  # noqa: F401
