"""Metadata as clients send it: a JSON object, or the text of one, as the first clients do."""

from __future__ import annotations

from typing import Any

import msgspec

from shared.codec import decoder
from shared.contracts.common import JsonObject, MetadataInput
from shared.errors import InvalidInput

# Far from the depth at which an encoder gives up, with whatever stands around the metadata.
_MAX_DEPTH = 100


def metadata_object(given: MetadataInput) -> JsonObject | None:
    """The object that was given, None if there was none.

    Raises:
        InvalidInput: A text that holds something else, nested too deeply, or with a NUL character.
    """
    if given is None:
        return None
    metadata = _parsed(given) if isinstance(given, str) else given
    _check(metadata, _MAX_DEPTH)
    return metadata


def metadata_filter(text: str) -> JsonObject | None:
    """What metadata must contain, from a query parameter; None if everything will do.

    Raises:
        InvalidInput: Not a JSON object that could be stored.
    """
    return (metadata_object(text) or None) if text else None


def _parsed(text: str) -> JsonObject:
    try:
        metadata: JsonObject = decoder(JsonObject).decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        raise InvalidInput("metadata is not a JSON object") from None
    return metadata


def _check(value: Any, depth: int) -> None:
    if depth == 0:
        raise InvalidInput("metadata nested too deeply")
    if isinstance(value, str):
        if "\0" in value:
            raise InvalidInput("NUL character in metadata")
    elif isinstance(value, dict):
        for name, member in value.items():
            _check(name, depth - 1)
            _check(member, depth - 1)
    elif isinstance(value, list):
        for member in value:
            _check(member, depth - 1)
