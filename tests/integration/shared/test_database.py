"""Connections to PostgreSQL."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from shared.errors import Unavailable
from shared.postgres.keycheck import check_key
from shared.postgres.migrate import MigrationError, migrate
from shared.postgres.pool import Connection, Database, database_url
from shared.sealing import MasterKey
from shared.settings import ServiceSettings, SettingsError, load_settings
from tests.waiting import eventually


def settings(**environment: str) -> ServiceSettings:
    return load_settings(
        ServiceSettings, service="things", environment={"SMQ_THINGS_HTTP_PORT": "1", **environment}
    )


def test_a_service_uses_the_database_named_after_it_on_the_common_server() -> None:
    given = settings(SMQ_DATABASE_URL="postgresql://u:p@db:5433")

    assert database_url("things", given) == "postgresql://u:p@db:5433/things"


def test_a_services_own_database_url_wins() -> None:
    given = settings(SMQ_DATABASE_URL="postgresql://a", SMQ_THINGS_DATABASE_URL="postgresql://b/c")

    assert database_url("things", given) == "postgresql://b/c"


def test_the_parts_of_earlier_releases_are_understood() -> None:
    given = settings(
        MF_THINGS_DB_HOST="db",
        MF_THINGS_DB_USER="mainflux",
        MF_THINGS_DB_PASS="p/w@",
        MF_THINGS_DB_NAME="old",
    )

    assert database_url("things", given) == "postgresql://mainflux:p%2Fw%40@db:5432/old"


async def test_a_statement_that_loses_a_deadlock_is_repeated(database: Database) -> None:
    await database.execute("CREATE TABLE counters (id int PRIMARY KEY, value int NOT NULL)")
    await database.execute("INSERT INTO counters VALUES (1, 0), (2, 0)")
    both_hold_one = asyncio.Barrier(2)
    first_try = {1: True, 2: True}

    async def add(first: int, second: int) -> None:
        async def work(connection: Connection) -> None:
            await connection.execute("UPDATE counters SET value = value + 1 WHERE id = $1", first)
            if first_try[first]:
                first_try[first] = False
                await both_hold_one.wait()
            await connection.execute("UPDATE counters SET value = value + 1 WHERE id = $1", second)

        await database.transact(work)

    await asyncio.gather(add(1, 2), add(2, 1))

    values = await database.fetch("SELECT value FROM counters")
    assert [row["value"] for row in values] == [2, 2]


async def test_who_loses_every_race_is_told_to_come_again(database: Database) -> None:
    lost = 0

    async def lose(times: int) -> int:
        nonlocal lost
        lost = 0

        async def work(connection: Connection) -> int:
            nonlocal lost
            if lost < times:
                lost += 1
                raise asyncpg.SerializationError("could not serialize access")
            return int(await connection.fetchval("SELECT 7"))

        return await database.transact(work)

    assert await lose(4) == 7
    with pytest.raises(Unavailable, match="too many changes"):
        await lose(100)
    assert lost == 5


async def test_a_transaction_that_fails_leaves_nothing(database: Database) -> None:
    await database.execute("CREATE TABLE lines (id int)")

    async def work(connection: Connection) -> None:
        await connection.execute("INSERT INTO lines VALUES (1)")
        raise LookupError

    with pytest.raises(LookupError):
        await database.transact(work)

    assert await database.fetchval("SELECT count(*) FROM lines") == 0


async def test_waiters_are_served_in_the_order_they_came(database_url: str) -> None:
    served: list[int] = []
    async with Database.open(database_url, size=1) as database:

        async def ask(number: int) -> None:
            served.append(await database.fetchval("SELECT $1::int", number))

        await asyncio.gather(*(ask(number) for number in range(50)))

    assert served == list(range(50))


async def test_who_gives_up_waiting_for_an_answer_takes_nobody_elses_place(
    database_url: str,
) -> None:
    async with Database.open(database_url, size=1) as database:
        for _ in range(3):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await database.execute("SELECT pg_sleep(60)")

            assert await database.fetchval("SELECT 7") == 7


async def test_the_end_waits_for_statements_under_way(database_url: str) -> None:
    async with Database.open(database_url, size=2) as database:
        slow = asyncio.create_task(database.fetchval("SELECT 7 FROM pg_sleep(0.2)"))
        await asyncio.sleep(0)

    assert await slow == 7


async def test_a_connection_that_the_server_ended_is_unavailable_and_then_replaced(
    database: Database, database_url: str
) -> None:
    pid = await database.fetchval("SELECT pg_backend_pid()")
    other = await asyncpg.connect(database_url)

    async def sleep() -> None:
        with pytest.raises(Unavailable):
            await database.execute("SELECT pg_sleep(10)")

    sleeping = asyncio.create_task(sleep())

    async def is_running() -> bool:
        return bool(
            await other.fetchval(
                "SELECT true FROM pg_stat_activity WHERE pid = $1 AND query LIKE '%sleep%'", pid
            )
        )

    await eventually(is_running)
    await other.execute("SELECT pg_terminate_backend($1)", pid)
    await sleeping
    await other.close()

    assert await database.is_up()


async def test_another_encryption_key_stops_the_start(database: Database) -> None:
    first = await check_key(database, MasterKey(bytes(32)))
    assert await check_key(database, MasterKey(bytes(32))) == first

    with pytest.raises(SettingsError, match="not the key this database was written with"):
        await check_key(database, MasterKey(bytes([1] * 32)))


async def test_migrating_twice_and_at_the_same_time_is_harmless(database_url: str) -> None:
    given = load_settings(
        ServiceSettings,
        service="provision",
        environment={
            "SMQ_PROVISION_HTTP_PORT": "1",
            "SMQ_PROVISION_DATABASE_URL": f"{database_url}_fresh",
        },
    )

    await asyncio.gather(*(migrate("provision", given) for _ in range(3)))
    await migrate("provision", given)

    connection = await asyncpg.connect(f"{database_url}_fresh")
    assert await connection.fetchval("SELECT count(*) FROM mappings") == 0
    await connection.close()
    server = await asyncpg.connect(database_url)
    await server.execute(f'DROP DATABASE "{database_url.rsplit("/", 1)[1]}_fresh"')
    await server.close()


async def test_an_earlier_release_leaves_a_newer_database_alone(
    database: Database, database_url: str
) -> None:
    given = settings(SMQ_THINGS_DATABASE_URL=database_url)
    present = await database.fetchval("SELECT version_num FROM alembic_version")
    await database.execute("UPDATE alembic_version SET version_num = '9999'")

    await migrate("provision", given)

    after = await database.fetchval("SELECT version_num FROM alembic_version")
    await database.execute("UPDATE alembic_version SET version_num = $1", present)
    assert after == "9999"


async def test_a_server_that_is_not_there_is_one_line_without_the_password() -> None:
    given = settings(SMQ_THINGS_DATABASE_URL="postgresql://u:hunter2@127.0.0.1:1/things")

    with pytest.raises(MigrationError, match=r"PostgreSQL at 127\.0\.0\.1:1/things") as refused:
        await migrate("things", given)

    assert "hunter2" not in str(refused.value)


async def test_of_several_hosts_the_one_that_may_be_written_is_used(database_url: str) -> None:
    login, _, place = database_url.rpartition("@")
    url = f"{login}@127.0.0.1:1,{place}?target_session_attrs=read-write"

    await migrate("provision", settings(SMQ_THINGS_DATABASE_URL=url))

    async with Database.open(url, size=1) as database:
        assert await database.is_up()
