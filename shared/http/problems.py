"""Every failure becomes one JSON body; nothing from inside reaches a caller.

The shape is `{"error", "message", "code", "request_id", ...details}`: the first two are what
existing clients read, the rest is for programs.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import structlog
from aiohttp import web

from shared.errors import (
    Conflict,
    DomainError,
    Forbidden,
    InvalidInput,
    NotFound,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
)
from shared.http.operation import Handler
from shared.http.responses import json_response
from shared.logging import REQUEST_ID

logger = structlog.get_logger(__name__)


class TooLarge(DomainError):
    """The body is longer than this route reads."""

    code = "too_large"


class UnsupportedContentType(DomainError):
    """The body is not declared as JSON."""

    code = "unsupported_content_type"

    def __init__(self) -> None:
        super().__init__("unsupported content type")


STATUSES: tuple[tuple[type[DomainError], int], ...] = (
    (InvalidInput, 400),
    (Unauthenticated, 401),
    (Forbidden, 403),
    (NotFound, 404),
    (Conflict, 409),
    (TooLarge, 413),
    (UnsupportedContentType, 415),
    (TooManyRequests, 429),
    (Unavailable, 503),
)


def status_of(error: DomainError) -> int:
    """The HTTP status of a refusal."""
    return next((status for kind, status in STATUSES if isinstance(error, kind)), 500)


def problem_response(error: DomainError) -> web.Response:
    """The answer that tells a refusal."""
    headers = {}
    if error.retry_after_seconds:
        headers["Retry-After"] = str(error.retry_after_seconds)
    if isinstance(error, Unauthenticated):
        headers["WWW-Authenticate"] = "Bearer"
    body: dict[str, Any] = {
        "error": error.reason,
        "message": error.summary,
        "code": error.code,
        "request_id": REQUEST_ID.get(),
    }
    if error.details:
        body["details"] = error.details
    return json_response(body, status=status_of(error), headers=headers)


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer refusals and faults in one shape."""
    try:
        return await handler(request)
    except DomainError as error:
        return problem_response(error)
    except web.HTTPRequestEntityTooLarge:
        return problem_response(TooLarge("request body too large"))
    except web.HTTPException as answer:
        if answer.status < 400:
            raise
        phrase = HTTPStatus(answer.status).phrase
        body = {
            "error": phrase.lower(),
            "message": NotFound.summary if answer.status == 404 else DomainError.summary,
            "code": phrase.lower().replace(" ", "_"),
            "request_id": REQUEST_ID.get(),
        }
        allowed = {"Allow": answer.headers["Allow"]} if "Allow" in answer.headers else {}
        return json_response(body, status=answer.status, headers=allowed)
    except Exception:
        logger.exception("request_failed", method=request.method, path=request.path)
        body = {
            "error": "",
            "message": DomainError.summary,
            "code": "internal_error",
            "request_id": REQUEST_ID.get(),
        }
        return json_response(body, status=500)
