"""JSON answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from aiohttp import web

_ENCODER = msgspec.json.Encoder()


def json_response(
    body: Any, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Encode a wire type."""
    return web.Response(
        body=_ENCODER.encode(body),
        status=status,
        headers=headers,
        content_type="application/json",
    )


def no_content() -> web.Response:
    """204."""
    return web.Response(status=204)
