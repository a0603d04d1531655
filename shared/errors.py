"""The seven ways in which a rule can refuse, in words of the domain and not of HTTP.

`shared.http.problems` turns them into answers, `shared.clients` turns answers back into them.
"""

from __future__ import annotations

from typing import Any


class DomainError(Exception):
    """A refusal that reaches the caller.

    Attributes:
        code: Stable name for programs, `snake_case`.
        summary: The sentence that existing clients print (`message` of the answer).
        reason: What was wrong, in a few words; may be empty (`error` of the answer).
        retry_after_seconds: When the same request may succeed; 0 if that does not depend on time.
        details: Further members for programs; never secrets, never text from inside.
    """

    code: str = "error"
    summary: str = "something went wrong with the request"
    retry_after_seconds: int = 0

    def __init__(self, reason: str = "", **details: Any) -> None:
        super().__init__(reason or self.summary)
        self.reason = reason
        self.details = details


class InvalidInput(DomainError):
    """The request can never succeed as it is."""

    code = "invalid_input"


class Unauthenticated(DomainError):
    """Nobody knows who is calling."""

    code = "unauthenticated"
    summary = "failed to perform authentication over the entity"


class Forbidden(DomainError):
    """The caller is known and may not do this."""

    code = "forbidden"
    summary = "failed to perform authorization over the entity"


class NotFound(DomainError):
    """Unknown, or hidden from this caller."""

    code = "not_found"
    summary = "entity not found"


class Conflict(DomainError):
    """The state of the world forbids it: a name taken, a status already so."""

    code = "conflict"
    summary = "entity already exists"


class Unavailable(DomainError):
    """Something that is needed does not answer; the same request may succeed later."""

    code = "unavailable"
    summary = "service temporarily unavailable"

    def __init__(self, reason: str = "", *, retry_after_seconds: int = 1, **details: Any) -> None:
        super().__init__(reason, **details)
        self.retry_after_seconds = retry_after_seconds


class TooManyRequests(DomainError):
    """The caller was too often wrong, or is too fast."""

    code = "too_many_requests"

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__("too many requests")
        self.retry_after_seconds = retry_after_seconds


class StatusAlreadyAssigned(Conflict):
    """The thing, channel, user or group already has the status asked for."""

    code = "status_already_assigned"
    summary = "status already assigned"
