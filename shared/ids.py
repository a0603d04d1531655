"""Ids of what is made here, and secrets for devices.

Ids are UUIDs of version 7 (RFC 9562). They begin with the time, so what is made one after another
lies together in every index: a thousand random ids touch a thousand pages of a large table's index,
each of which PostgreSQL reads, writes to its log as a whole after a checkpoint, and writes back.
Python has them from 3.14 on.
"""

from __future__ import annotations

import os
import time
from uuid import UUID, uuid4

_VERSION_AND_VARIANT = 0x7 << 76 | 0b10 << 62
_RANDOM = (1 << 12) - 1 << 64 | (1 << 62) - 1


def new_id() -> UUID:
    """An id that nobody has: 48 bits of milliseconds since 1970, 74 random ones."""
    random = int.from_bytes(os.urandom(10), "big")
    milliseconds = time.time_ns() // 1_000_000
    return UUID(int=milliseconds << 80 | random & _RANDOM | _VERSION_AND_VARIANT)


def new_secret() -> str:
    """What a device is given to present: a UUID of version 4, all of whose 122 bits are random."""
    return str(uuid4())
