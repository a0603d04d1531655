"""What the clients share: one pooled connection set, timeouts, retries, errors as domain errors."""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar, overload
from urllib.parse import urlencode

import aiohttp
import msgspec
from tenacity import (
    AsyncRetrying,
    retry_if_exception_type,
    stop_after_attempt,
    wait_random_exponential,
)
from yarl import URL

from shared.calls import Calling
from shared.codec import decoder
from shared.errors import (
    Conflict,
    DomainError,
    Forbidden,
    InvalidInput,
    NotFound,
    Unauthenticated,
    Unavailable,
)
from shared.request_id import REQUEST_ID
from shared.tracing import TRACEPARENT

T = TypeVar("T")
_ATTEMPTS = 3
_PAUSE_SECONDS = 0.05
_ENCODER = msgspec.json.Encoder()
_KINDS: dict[int, type[DomainError]] = {
    400: InvalidInput,
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    413: InvalidInput,
    415: InvalidInput,
}


class _Problem(msgspec.Struct):
    error: str = ""
    message: str = ""
    code: str = ""
    details: dict[str, Any] = {}


class NotServed(Unavailable):
    """A service answered, but not what was asked for: it is too busy, or at fault.

    Attributes:
        status: The HTTP status of its answer.
        said: Its own words; for the user of a program, never for a service's callers.
    """

    def __init__(self, reason: str, *, retry_after_seconds: int, status: int, said: str) -> None:
        super().__init__(reason, retry_after_seconds=retry_after_seconds)
        self.status = status
        self.said = said


class Peer:
    """Another service, reached by HTTP.

    Calls that may be repeated without harm are, when the service does not answer or answers 503;
    none takes longer than its deadline, retries included.
    """

    def __init__(
        self, session: aiohttp.ClientSession, name: str, base_url: str, timeout_seconds: float = 5.0
    ) -> None:
        self._session = session
        self._name = name
        self._base = base_url.rstrip("/")
        self._timeout_seconds = timeout_seconds

    @overload
    async def call(
        self,
        method: str,
        path: str,
        *,
        answer: type[T],
        token: str = "",
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        repeatable: bool = False,
        timeout_seconds: float | None = None,
        headers_seen: dict[str, str] | None = None,
    ) -> T: ...

    @overload
    async def call(
        self,
        method: str,
        path: str,
        *,
        answer: None = None,
        token: str = "",
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        repeatable: bool = False,
        timeout_seconds: float | None = None,
        headers_seen: dict[str, str] | None = None,
    ) -> None: ...

    async def call(
        self,
        method: str,
        path: str,
        *,
        answer: Any = None,
        token: str = "",
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        repeatable: bool = False,
        timeout_seconds: float | None = None,
        headers_seen: dict[str, str] | None = None,
    ) -> Any:
        """Make a call and decode its answer.

        Args:
            path: Percent-encoded already.
            answer: Type of the answer's body, `bytes` as it comes, None if it does not matter.
            token: Sent as a bearer token.
            repeatable: Whether a call whose fate is unknown may be made again.
            headers_seen: Takes the answer's headers, their names in small letters.

        Raises:
            DomainError: The kind that the service's answer stands for, in its words;
                Unavailable if it does not answer in time or answers something else.
        """
        seconds = self._timeout_seconds if timeout_seconds is None else timeout_seconds
        send = {"X-Request-Id": REQUEST_ID.get(), **(headers or {})}
        if token:
            send["Authorization"] = f"Bearer {token}"
        data = None
        if body is not None:
            data = body if isinstance(body, bytes) else _ENCODER.encode(body)
            send.setdefault("Content-Type", "application/json")
        try:
            async with asyncio.timeout(seconds):
                try:
                    return await self._once(method, path, send, data, answer, headers_seen)
                except Unavailable:
                    if not repeatable:
                        raise
                # Tenacity only now: it costs a quarter of a call.
                await asyncio.sleep(random.uniform(0, _PAUSE_SECONDS))  # noqa: S311
                async for attempt in AsyncRetrying(
                    retry=retry_if_exception_type(Unavailable),
                    stop=stop_after_attempt(_ATTEMPTS - 1),
                    wait=wait_random_exponential(multiplier=2 * _PAUSE_SECONDS, max=1.0),
                    reraise=True,
                ):
                    with attempt:
                        return await self._once(method, path, send, data, answer, headers_seen)
        except TimeoutError:
            raise Unavailable(f"{self._name} does not answer") from None
        raise AssertionError("unreachable")

    async def _once(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        data: bytes | None,
        answer: Any,
        headers_seen: dict[str, str] | None,
    ) -> Any:
        with Calling(self._name, Unavailable):
            if place := TRACEPARENT.get():
                headers = {**headers, "traceparent": place}
            try:
                async with self._session.request(
                    method, URL(self._base + path, encoded=True), headers=headers, data=data
                ) as response:
                    content = await response.read()
            except aiohttp.ClientError:
                raise Unavailable(f"{self._name} does not answer") from None
            if response.status >= 400:
                raise self._refusal(response, content)
        if headers_seen is not None:
            headers_seen.update((name.lower(), value) for name, value in response.headers.items())
        if answer is None:
            return None
        if answer is bytes:
            return content
        try:
            return decoder(answer).decode(content)
        except msgspec.DecodeError:
            raise Unavailable(f"{self._name} answered something else") from None

    def _refusal(self, response: aiohttp.ClientResponse, content: bytes) -> DomainError:
        kind = _KINDS.get(response.status)
        try:
            problem = msgspec.json.decode(content, type=_Problem)
        except msgspec.DecodeError:
            problem = _Problem()
        if kind is None:
            wait = response.headers.get("Retry-After", "")
            return NotServed(
                f"{self._name} does not answer",
                retry_after_seconds=int(wait) if wait.isdigit() else 1,
                status=response.status,
                said=problem.error or problem.message,
            )
        refusal = kind(problem.error, **problem.details)
        if problem.code:
            refusal.code = problem.code
        if problem.message:
            refusal.summary = problem.message
        return refusal


def with_query(path: str, query: msgspec.Struct) -> str:
    """A path with those parameters that are not at their defaults."""
    pairs = {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for field in msgspec.structs.fields(query)
        for name, value in ((field.encode_name, getattr(query, field.name)),)
        if value != field.default
    }
    return f"{path}?{urlencode(pairs)}" if pairs else path


@asynccontextmanager
async def client_session(
    trust: ssl.SSLContext | bool = True,
) -> AsyncIterator[aiohttp.ClientSession]:
    """The connections a service keeps to its peers.

    Bounded, and without cookies and compression, which no peer uses.

    Args:
        trust: How certificates are checked; False is not at all.
    """
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            limit=256, limit_per_host=64, keepalive_timeout=60, ssl=trust
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=2),
        auto_decompress=False,
        skip_auto_headers=("Accept-Encoding", "User-Agent"),
    ) as session:
        yield session
