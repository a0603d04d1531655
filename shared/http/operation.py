"""What a route promises: who may call it, what it reads, what it answers.

Said once, beside the handler, and used twice: the middlewares act on it and the OpenAPI page is
made from it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from enum import Enum
from typing import Any, TypeVar

from aiohttp import web
from msgspec import Struct

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
HandlerT = TypeVar("HandlerT", bound=Handler)

BODY_LIMIT_BYTES = 1 << 20
BULK_LIMIT_BYTES = 16 << 20


class Access(Enum):
    """Who a route lets in."""

    PUBLIC = "public"
    USER = "user"
    OPTIONAL_USER = "optional user"
    DEVICE = "device"
    SERVICE = "service"
    INTERNAL = "internal"


class Operation(Struct, frozen=True, kw_only=True):
    """The promise of one route.

    Attributes:
        access: USER reads a user's token; OPTIONAL_USER too, if there is one; DEVICE means that
            the handler reads a thing's key; SERVICE reads a token made for a service acting for
            a user; INTERNAL is for services that prove themselves in another way.
        scope: What an API key must be allowed to do, for example `things:read`; without one no
            API key is let in.
        body: Type of the JSON body, None without one.
        body_required: Whether a request without a body is refused.
        query: Struct of the query parameters.
        answer: Type of the answer's JSON body, None for an empty one.
        errors: Statuses besides those that follow from the rest.
        limit_bytes: Largest body that is read.
    """

    access: Access = Access.USER
    scope: str = ""
    body: Any = None
    body_required: bool = True
    query: type[Struct] | None = None
    answer: Any = None
    status: int = 200
    errors: tuple[int, ...] = ()
    limit_bytes: int = BODY_LIMIT_BYTES

    @property
    def is_internal(self) -> bool:
        """Not for the outside, so not in the public description either."""
        return self.access in (Access.SERVICE, Access.INTERNAL)


PLAIN = Operation(access=Access.PUBLIC)


def operation(
    *,
    access: Access = Access.USER,
    scope: str = "",
    body: Any = None,
    body_required: bool = True,
    query: type[Struct] | None = None,
    answer: Any = None,
    status: int = 200,
    errors: tuple[int, ...] = (),
    limit_bytes: int = BODY_LIMIT_BYTES,
) -> Callable[[HandlerT], HandlerT]:
    """Attach a promise to a handler; its members are those of `Operation`."""

    def attach(handler: HandlerT) -> HandlerT:
        handler.__operation__ = Operation(  # type: ignore[attr-defined]
            access=access,
            scope=scope,
            body=body,
            body_required=body_required,
            query=query,
            answer=answer,
            status=status,
            errors=errors,
            limit_bytes=limit_bytes,
        )
        return handler

    return attach


def operation_of(request: web.Request) -> Operation:
    """The promise of the route a request was matched to."""
    return getattr(request.match_info.handler, "__operation__", PLAIN)
