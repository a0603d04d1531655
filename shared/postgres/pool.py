"""Connections to a service's own database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg
import msgspec
from asyncpg.pool import PoolConnectionProxy

from shared.errors import Unavailable
from shared.settings import ServiceSettings

T = TypeVar("T")
if TYPE_CHECKING:
    Connection = PoolConnectionProxy[asyncpg.Record]
    _Base = asyncpg.Connection[asyncpg.Record]
else:  # generic in their stubs only
    Connection = PoolConnectionProxy
    _Base = asyncpg.Connection
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
_ATTEMPTS = 5
_STATEMENT_SECONDS = 30.0
_WAIT_SECONDS = 10.0


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


class _BareConnection(_Base):
    """No reset query at release: it doubles the cost of a small read.

    Holds because no code sets session state on a pooled connection.
    """

    def get_reset_query(self) -> str:
        return ""


class Database:
    """A pool that serves waiters in the order they came.

    asyncpg lets newcomers overtake those who wait; a fair semaphore in front keeps the slowest
    request near the others. Single statements that lost a race (serialisation, deadlock) are
    repeated, a server that cannot be reached becomes `Unavailable`.
    """

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record], size: int) -> None:
        self._pool = pool
        self._places = asyncio.Semaphore(size)

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str, size: int) -> AsyncIterator[Database]:
        """Connect, and disconnect at the end."""
        pool = await asyncpg.create_pool(
            url,
            min_size=1,
            max_size=size,
            connection_class=_BareConnection,
            init=_set_codecs,
            command_timeout=_STATEMENT_SECONDS,
            server_settings={"application_name": "supermq"},
        )
        try:
            yield cls(pool, size)
        finally:
            await pool.close()

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

    async def is_up(self) -> bool:
        """Whether the server answers."""
        return bool(await self.fetchval("SELECT true"))

    async def _run(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        attempt = 0
        while True:
            attempt += 1
            try:
                async with self._connection() as connection:
                    return await work(connection)
            except _RETRIED:
                if attempt == _ATTEMPTS:
                    raise Unavailable("too many changes at the same time") from None
            except _GONE as error:
                raise Unavailable("database does not answer") from error

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        async with asyncio.timeout(_WAIT_SECONDS):
            await self._places.acquire()
        try:
            async with self._pool.acquire(timeout=_WAIT_SECONDS) as connection:
                yield connection
        finally:
            self._places.release()


async def _set_codecs(connection: Any) -> None:
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        encoder=lambda value: msgspec.json.encode(value).decode(),
        decoder=msgspec.json.decode,
    )
