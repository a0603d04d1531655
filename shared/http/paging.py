"""Offset paging with the limits the documents promise."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

Offset = Annotated[int, Meta(ge=0, le=2**63 - 1, description="Entries to leave out.")]
Limit = Annotated[int, Meta(ge=1, le=100, description="Entries to answer, at most 100.")]


class Page(Struct, frozen=True, kw_only=True):
    """Which part of a list is wanted."""

    offset: Offset = 0
    limit: Limit = 10


def unquoted(text: str) -> str:
    """A filter's value without one surrounding pair of quotes, which the documents print."""
    if len(text) >= 2 and text[0] == text[-1] == '"':
        return text[1:-1]
    return text
