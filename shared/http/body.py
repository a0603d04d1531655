"""Requests into types; what does not fit is refused before a rule sees it."""

from __future__ import annotations

from typing import Any, TypeVar
from urllib.parse import unquote_to_bytes
from uuid import UUID

import msgspec
from aiohttp import web

from shared.codec import decoder
from shared.errors import InvalidInput, NotFound
from shared.http.operation import operation_of
from shared.http.problems import TooLarge, UnsupportedContentType

T = TypeVar("T")
StructT = TypeVar("StructT", bound=msgspec.Struct)


async def read_json(request: web.Request, kind: type[T]) -> T:
    """Read a JSON body of a type.

    Raises:
        UnsupportedContentType: The content type does not contain `application/json`.
        TooLarge: Longer than the route's limit.
        InvalidInput: Not JSON, not of that type, or with a NUL character or a lone surrogate,
            which PostgreSQL cannot store.
    """
    if "application/json" not in request.headers.get("Content-Type", ""):
        raise UnsupportedContentType
    body = await read_bytes(request)
    try:
        value: T = decoder(kind).decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise InvalidInput(_reason(error)) from None
    if b"\\u0000" in body and _has_nul(value):
        raise InvalidInput("NUL character in a string")
    return value


async def read_bytes(request: web.Request) -> bytes:
    """Read the body up to the route's limit.

    Raises:
        TooLarge: It is longer.
    """
    limit = operation_of(request).limit_bytes
    if (request.content_length or 0) > limit:
        raise TooLarge("request body too large")
    chunks, size = [], 0
    async for chunk in request.content.iter_any():
        size += len(chunk)
        if size > limit:
            raise TooLarge("request body too large")
        chunks.append(chunk)
    return b"".join(chunks)


def read_query(request: web.Request, kind: type[StructT]) -> StructT:
    """Read the query parameters a route knows; others are ignored.

    Raises:
        InvalidInput: A value does not fit, or a known parameter is given twice.
    """
    query = request.query
    values = {}
    for name in kind.__struct_fields__:
        given = query.getall(name, [])
        if len(given) > 1:
            raise InvalidInput(f"query parameter {name} given more than once")
        if given:
            if "\0" in given[0]:
                raise InvalidInput(f"NUL character in query parameter {name}")
            values[name] = given[0]
    try:
        query_values = msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as error:
        raise InvalidInput(f"invalid query parameter: {error}") from None
    for name, text in values.items():  # 1e3 and 1.0 would pass as whole numbers
        is_whole = text.removeprefix("-").isdecimal()
        if type(getattr(query_values, name)) is int and not is_whole:
            raise InvalidInput(f"invalid query parameter: {name} is not a whole number")
    return query_values


def path_uuid(request: web.Request, name: str) -> UUID:
    """Read an id from the path; what cannot be one belongs to nothing.

    Raises:
        NotFound: Not a UUID in its canonical form.
    """
    text = request.match_info[name]
    try:
        value = UUID(text)
    except ValueError:
        raise NotFound from None
    if str(value) != text.lower():
        raise NotFound
    return value


def path_tail(request: web.Request, prefix: str) -> str:
    """The rest of the path after a prefix, decoded once, slashes and `%2F` alike kept.

    Raises:
        InvalidInput: Not UTF-8 or with a NUL character.
    """
    raw = request.rel_url.raw_path.removeprefix(prefix)
    try:
        text = unquote_to_bytes(raw).decode()
    except UnicodeDecodeError:
        raise InvalidInput("path is not UTF-8") from None
    if "\0" in text:
        raise InvalidInput("NUL character in the path")
    return text


def _reason(error: Exception) -> str:
    if isinstance(error, msgspec.ValidationError):
        return str(error)
    if isinstance(error, RecursionError):
        return "JSON nested too deeply"
    return "malformed JSON"


def _has_nul(value: Any) -> bool:
    """Whether a NUL really stands in a string (the six characters may also be escaped text)."""
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any(_has_nul(key) or _has_nul(member) for key, member in value.items())
    if isinstance(value, list | tuple):
        return any(map(_has_nul, value))
    if isinstance(value, msgspec.Struct):
        return any(_has_nul(getattr(value, name)) for name in value.__struct_fields__)
    return False
