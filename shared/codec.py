"""JSON decoders, one per type, made once."""

from __future__ import annotations

from functools import cache
from typing import Any, cast

import msgspec


def decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    """The decoder of a wire type."""
    return cast("msgspec.json.Decoder[Any]", _decoder(kind))


@cache
def _decoder(kind: Any) -> Any:
    return msgspec.json.Decoder(kind)
