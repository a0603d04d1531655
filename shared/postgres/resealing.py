"""New keys for what a service keeps sealed: `supermq-<service> reseal`.

The master key changes while the service runs, value by value. A database has one key of
fingerprints for all its values, so a new one needs the service stopped.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from typing import TYPE_CHECKING, Any

import asyncpg
from msgspec import Struct
from msgspec.structs import replace

from shared.postgres.keycheck import PURPOSE, encryption_key
from shared.postgres.pool import APPLICATION, database_url
from shared.sealing import MasterKey, SealBroken, Sealer
from shared.settings import ServiceSettings, SettingsError

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]
    Row = asyncpg.Record

_BATCH = 500


class SealedTable(Struct, frozen=True, kw_only=True):
    """A table with sealed columns; each value opens in the context of its row's id.

    Attributes:
        columns: Sealed column to purpose.
        fingerprint: The column with fingerprints, and the sealed column they are of; empty if the
            table has none.
        told: What a fingerprint is made of, from the row and the opened value.
        reads: Columns that `told` needs besides.
        substitute: Makes a value in place of one whose key is lost; without it the row goes.
    """

    name: str
    columns: dict[str, str]
    id: str = "id"
    fingerprint: tuple[str, str] | tuple[()] = ()
    told: Callable[[Any, bytes], bytes] = lambda _, value: value
    reads: tuple[str, ...] = ()
    substitute: Callable[[], bytes] | None = None


async def reseal(connection: Connection, key: MasterKey, tables: Sequence[SealedTable]) -> int:
    """Seal with the current key what earlier ones have sealed; answers how many values.

    Safe beside running processes that know both keys: what they change meanwhile stays theirs.

    Raises:
        SealBroken: A value opens with none of the keys.
    """
    done = 0
    for table in tables:
        sealers = _sealers(table, key)
        async for rows in _batches(connection, table):
            for column, sealer in sealers.items():
                old = {
                    row[table.id]: row[column]
                    for row in rows
                    if row[column] is not None and not sealer.is_current(row[column])
                }
                await connection.execute(
                    f"""
                    UPDATE {table.name} SET {column} = new.value
                    FROM unnest($1::uuid[], $2::bytea[], $3::bytea[]) AS new (id, old, value)
                    WHERE {table.name}.{table.id} = new.id AND {column} = new.old
                    """,  # noqa: S608 - names from the code
                    list(old),
                    list(old.values()),
                    [sealer.seal(sealer.open(old[each], each.bytes), each.bytes) for each in old],
                )
                done += len(old)
    sealer = Sealer(key, PURPOSE)
    lookup = sealer.open(await connection.fetchval("SELECT sealed FROM key_check"))
    await connection.execute("UPDATE key_check SET sealed = $1", sealer.seal(lookup))
    return done


async def renew_lookup_key(
    connection: Connection, key: MasterKey, tables: Sequence[SealedTable], *, give_up_lost: bool
) -> tuple[int, int]:
    """Make all fingerprints with a new key; all or nothing.

    Args:
        give_up_lost: Whether values that open with none of the keys are replaced or removed.

    Returns:
        How many rows have a new fingerprint, and how many were given up.

    Raises:
        SealBroken: A value opens with none of the keys and is not to be given up.
    """
    key = replace(key, lookup=os.urandom(32))
    done = lost = 0
    async with connection.transaction():
        for table in tables:
            await connection.execute(f"LOCK TABLE {table.name} IN EXCLUSIVE MODE")
            sealers = _sealers(table, key)
            async for rows in _batches(connection, table):
                for row in rows:
                    try:
                        opened = _opened(row, table, sealers)
                    except SealBroken:
                        if not give_up_lost:
                            raise
                        lost += 1
                        opened = await _give_up(connection, row, table, sealers)
                    done += await _tell(connection, row, table, sealers, opened)
        sealed = Sealer(key, PURPOSE).seal(key.lookup)
        await connection.execute("UPDATE key_check SET sealed = $1", sealed)
    return done, lost


def main(
    service: str,
    settings: ServiceSettings,
    tables: Sequence[SealedTable],
    arguments: Sequence[str],
) -> int:
    """Run `reseal`; answers the exit code."""
    parser = argparse.ArgumentParser(
        prog=f"supermq-{service} reseal",
        description="Seal everything with the first key of SMQ_ENCRYPTION_KEY, while the service"
        " runs.",
    )
    parser.add_argument(
        "--lookup-key",
        action="store_true",
        help="make a new key by which secrets are found; the service must be stopped",
    )
    parser.add_argument(
        "--give-up-lost",
        action="store_true",
        help="the same; what no given key opens gets a new secret or is removed",
    )
    options = parser.parse_args(arguments)
    try:
        report = asyncio.run(
            _run(
                database_url(service, settings),
                encryption_key(settings),
                tables,
                offline=options.lookup_key or options.give_up_lost,
                give_up_lost=options.give_up_lost,
            )
        )
    except SettingsError as error:
        report, code = str(error), 1
    except SealBroken:
        report, code = "there is a value that opens with none of the keys; nothing was lost", 1
    except (OSError, asyncpg.PostgresError) as error:
        report, code = f"PostgreSQL: {error}", 1
    else:
        code = 0
    (sys.stderr if code else sys.stdout).write(f"supermq-{service}: {report}\n")
    return code


async def _run(
    url: str, key: MasterKey, tables: Sequence[SealedTable], *, offline: bool, give_up_lost: bool
) -> str:
    connection: Connection = await asyncpg.connect(url, timeout=10)
    try:
        if not offline:
            return f"values sealed again: {await reseal(connection, key, tables)}"
        others = await connection.fetchval(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name = $1",
            APPLICATION,
        )
        if others:
            raise SettingsError([f"stop the service first; it has {others} connections"])
        done, lost = await renew_lookup_key(connection, key, tables, give_up_lost=give_up_lost)
        return f"fingerprints made again: {done}" + (f", rows given up: {lost}" if lost else "")
    finally:
        await connection.close()


def _sealers(table: SealedTable, key: MasterKey) -> dict[str, Sealer]:
    return {column: Sealer(key, purpose) for column, purpose in table.columns.items()}


async def _batches(connection: Connection, table: SealedTable) -> AsyncIterator[list[Row]]:
    columns = ", ".join([table.id, *table.columns, *table.reads])
    last = None
    while True:
        rows = await connection.fetch(
            f"""
            SELECT {columns} FROM {table.name} WHERE $1::uuid IS NULL OR {table.id} > $1
            ORDER BY {table.id} LIMIT {_BATCH}
            """,  # noqa: S608 - names from the code
            last,
        )
        if not rows:
            return
        yield rows
        last = rows[-1][table.id]


def _opened(row: Row, table: SealedTable, sealers: dict[str, Sealer]) -> dict[str, bytes]:
    return {
        column: sealer.open(row[column], row[table.id].bytes)
        for column, sealer in sealers.items()
        if row[column] is not None
    }


async def _give_up(
    connection: Connection, row: Row, table: SealedTable, sealers: dict[str, Sealer]
) -> dict[str, bytes]:
    """Put another value in each column, or remove the row; answers the values."""
    if table.substitute is None:
        await connection.execute(f"DELETE FROM {table.name} WHERE {table.id} = $1", row[table.id])  # noqa: S608
        return {}
    values = {column: table.substitute() for column in sealers}
    for column, value in values.items():
        await connection.execute(
            f"UPDATE {table.name} SET {column} = $2 WHERE {table.id} = $1",  # noqa: S608
            row[table.id],
            sealers[column].seal(value, row[table.id].bytes),
        )
    return values


async def _tell(
    connection: Connection,
    row: Row,
    table: SealedTable,
    sealers: dict[str, Sealer],
    opened: dict[str, bytes],
) -> int:
    """Make a row's fingerprint; answers how many were made."""
    if not table.fingerprint or table.fingerprint[1] not in opened:
        return 0
    column, of = table.fingerprint
    await connection.execute(
        f"UPDATE {table.name} SET {column} = $2 WHERE {table.id} = $1",  # noqa: S608
        row[table.id],
        sealers[of].fingerprint(table.told(row, opened[of])),
    )
    return 1
