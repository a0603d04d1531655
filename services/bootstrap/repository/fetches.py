"""What is written down of fetches."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from services.bootstrap.domain import Config, Fetch
from shared.contracts.bootstrap import ConfigFetchRefused, ConfigFirstFetched
from shared.postgres.outbox import Outbox
from shared.postgres.pool import Connection, Database


class FetchRepository:
    """See `FetchedConfigs`."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database = database
        self._outbox = outbox

    async def record_fetches(
        self, fetches: Mapping[UUID, Fetch], delivered: Mapping[UUID, datetime]
    ) -> None:
        thing_ids = list(fetches)

        async def work(connection: Connection) -> None:
            rows = await connection.fetch(
                """
                WITH fetched AS (
                    SELECT thing_id, at, address, result, delivered_at
                    FROM unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::text[],
                                $5::timestamptz[])
                        AS fetched (thing_id, at, address, result, delivered_at)
                ), before AS (
                    SELECT thing_id, first_fetched_at
                    FROM configs
                    WHERE thing_id = ANY ($1::uuid[])
                    ORDER BY thing_id
                    FOR UPDATE
                )
                UPDATE configs
                SET last_fetch_at = fetched.at, last_fetch_address = fetched.address,
                    last_fetch_result = fetched.result,
                    first_fetched_at = coalesce(configs.first_fetched_at, fetched.delivered_at)
                FROM fetched JOIN before USING (thing_id)
                WHERE configs.thing_id = fetched.thing_id
                RETURNING configs.thing_id, configs.owner_id,
                          before.first_fetched_at IS NULL
                              AND configs.first_fetched_at IS NOT NULL AS is_first
                """,
                thing_ids,
                [fetch.at for fetch in fetches.values()],
                [fetch.address for fetch in fetches.values()],
                [fetch.result for fetch in fetches.values()],
                [delivered.get(thing_id) for thing_id in thing_ids],
            )
            for row in rows:
                if row["is_first"]:
                    event = ConfigFirstFetched(thing_id=row["thing_id"], owner_id=row["owner_id"])
                    await self._outbox.append(connection, event)

        await self._database.transact(work)
        self._outbox.written.set()

    async def announce_refusals(self, config: Config, failures: int) -> None:
        await self._outbox.fetch(
            """
            WITH changed AS (
                SELECT thing_id FROM configs WHERE thing_id = $1
            ){announcing}
            SELECT thing_id FROM changed
            """,
            config.thing_id,
            event=ConfigFetchRefused(
                thing_id=config.thing_id, owner_id=config.owner_id, failures=failures
            ),
        )
