"""Connections to a service's own database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg
import msgspec
from msgspec import Struct

from shared.calls import Calling
from shared.errors import Unavailable
from shared.settings import ServiceSettings

T = TypeVar("T")
if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]
else:  # generic in its stubs only
    Connection = asyncpg.Connection
_RETRIED = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)
_GONE = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # used while the server's farewell was being read
    TimeoutError,
)
APPLICATION = "supermq"
"""What PostgreSQL knows the services' connections by."""
_ATTEMPTS = 5
_STATEMENT_SECONDS = 30.0
_WAIT_SECONDS = 10.0

# A prepared statement's plan is made while a table is small and kept while it grows, for a minute
# or more. Reading all of a small table is cheapest then, and the dearest of all a minute later.
# Where nothing else is possible, PostgreSQL still does it. Statements here are never large enough
# to be compiled, except by such a plan's pretended cost (before PostgreSQL 18).
_SESSION = "SET enable_seqscan = off; SET jit = off"


def database_url(service: str, settings: ServiceSettings) -> str:
    """Where a service's database is: its own URL, else parts, else the server plus its name."""
    if settings.database_url:
        return settings.database_url
    if settings.db_host:
        login = quote(settings.db_user, safe="")
        if settings.db_pass:
            login += ":" + quote(settings.db_pass, safe="")
        at = f"{login}@" if login else ""
        name = settings.db_name or service
        return f"postgresql://{at}{settings.db_host}:{settings.db_port}/{name}"
    server = urlsplit(settings.database_server_url or "postgresql://localhost:5432")
    return urlunsplit(server._replace(path=f"/{service}"))


class PoolUsage(Struct, frozen=True):
    """How full the connections of a process are: at work, and waited for."""

    busy: int
    waiting: int


class Database:
    """Up to `size` connections, lent to who asks in the order they came.

    Not asyncpg's pool: there newcomers overtake those who wait, which makes the slowest request a
    hundred times slower than the others, and lending costs as much as a small statement. It resets
    the session each time, too; here all sessions are alike, and no code changes them. Single
    statements that lost a race (serialisation, deadlock) are repeated, a server that cannot be
    reached becomes `Unavailable`.
    """

    def __init__(self, url: str, size: int) -> None:
        self._url = url
        self._size = size
        self._places = asyncio.Semaphore(size)
        self._idle: list[Connection] = []
        self._asked_for = 0

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str, size: int) -> AsyncIterator[Database]:
        """Connect, and disconnect at the end, when what is under way has ended."""
        database = cls(url, size)
        database._idle.append(await database._connect())
        try:
            yield database
        finally:
            await database._close()

    async def fetch(self, statement: str, *arguments: Any) -> list[asyncpg.Record]:
        """All rows of one statement, which is a transaction of its own."""
        return await self._run(lambda connection: connection.fetch(statement, *arguments))

    async def fetchrow(self, statement: str, *arguments: Any) -> asyncpg.Record | None:
        """The first row, or None."""
        return await self._run(lambda connection: connection.fetchrow(statement, *arguments))

    async def fetchval(self, statement: str, *arguments: Any) -> Any:
        """The first value of the first row, or None."""
        return await self._run(lambda connection: connection.fetchval(statement, *arguments))

    async def execute(self, statement: str, *arguments: Any) -> str:
        """The command's tag, for example `DELETE 3`."""
        return await self._run(lambda connection: connection.execute(statement, *arguments))

    async def transact(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Run several statements as one transaction; `work` is repeated if it loses a race."""

        async def attempt(connection: Connection) -> T:
            async with connection.transaction():
                return await work(connection)

        return await self._run(attempt)

    def usage(self) -> PoolUsage:
        """How full it is at present."""
        busy = min(self._asked_for, self._size)
        return PoolUsage(busy, self._asked_for - busy)

    async def is_up(self) -> bool:
        """Whether the server answers."""
        return bool(await self.fetchval("SELECT true"))

    async def _run(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        attempt = 0
        while True:
            attempt += 1
            try:
                self._asked_for += 1
                return await self._lend(work)
            except _RETRIED:
                if attempt == _ATTEMPTS:
                    raise Unavailable("too many changes at the same time") from None
            except _GONE as error:
                raise Unavailable("database does not answer") from error
            finally:
                self._asked_for -= 1

    async def _lend(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        if self._places.locked():
            async with asyncio.timeout(_WAIT_SECONDS):
                await self._places.acquire()
        else:
            await self._places.acquire()  # at once
        try:
            connection = self._take() or await self._connect()
            try:
                with Calling("postgresql", *_GONE):
                    result = await work(connection)
            except (asyncio.CancelledError, TimeoutError):
                connection.terminate()  # the server may still be busy with it
                raise
            finally:
                if not connection.is_closed():
                    self._idle.append(connection)
            return result
        finally:
            self._places.release()

    def _take(self) -> Connection | None:
        """The connection used last, whose statements are prepared, unless the server ended it."""
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                return connection
        return None

    async def _connect(self) -> Connection:
        connection: Connection = await asyncpg.connect(
            self._url,
            timeout=_WAIT_SECONDS,
            command_timeout=_STATEMENT_SECONDS,
            server_settings={"application_name": APPLICATION},
        )
        try:
            await connection.execute(_SESSION)
            await _set_codecs(connection)
        except BaseException:  # who asked has gone meanwhile, for example
            connection.terminate()
            raise
        return connection

    async def _close(self) -> None:
        for _ in range(self._size):
            await self._places.acquire()
        for connection in self._idle:
            await connection.close()


async def _set_codecs(connection: Connection) -> None:
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        encoder=lambda value: msgspec.json.encode(value).decode(),
        decoder=msgspec.json.decode,
    )
