"""The two writes that every mapping needs, claim and close, for many mappings in one statement.

Mappings that are made at the same time share a commit. None waits for another's fate: who loses
a claim is told so, and whatever fails for a group is repeated one by one.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta
from uuid import UUID

import asyncpg
import msgspec
from msgspec import Struct

from services.provision.domain import StepReport
from shared.coalescing import Coalescer
from shared.postgres.outbox import Announcement, Outbox
from shared.postgres.pool import Database


class NewMapping(Struct, frozen=True, kw_only=True):
    """A mapping as its claim writes it."""

    id: UUID
    owner_id: UUID
    external_id: str
    name: str
    layout: str
    layout_version: str
    fingerprint: bytes
    claim_key: str
    thing_ids: list[UUID]
    channel_ids: list[UUID]
    has_config: bool
    has_certificates: bool
    sealed_plan: bytes
    sealed_keys: bytes | None


class Closed(Struct, frozen=True, kw_only=True):
    """What is written of a mapping that is there."""

    id: UUID
    steps: Collection[StepReport]
    announcement: Announcement


class GroupedWrites:
    """Claims and closes mappings, those of the same moment together."""

    def __init__(self, database: Database, outbox: Outbox, lease: timedelta) -> None:
        self._database = database
        self._outbox = outbox
        self._lease = lease
        self._claims: Coalescer[None, NewMapping, asyncpg.Record] = Coalescer(self._claim_all)
        self._closes: Coalescer[None, Closed, bool] = Coalescer(self._close_all)

    async def claim(self, mapping: NewMapping) -> asyncpg.Record:
        """Take an external id.

        Returns:
            `is_new`; else in `id` and the other columns who has it, or None in all of them if he
            gave it up meanwhile. `has_leftovers`: earlier mappings of the gateway still have to
            be taken back.
        """
        return await self._claims.call(None, mapping)

    async def close(self, closed: Closed) -> bool:
        """A mapping is there; False if it is not running or a part of it was taken away."""
        return await self._closes.call(None, closed)

    async def _claim_all(self, _: None, mappings: Sequence[NewMapping]) -> list[asyncpg.Record]:
        rows = await self._database.fetch(
            # In order, so that two processes with the same external ids do not wait for each
            # other. Arrays travel as text, because PostgreSQL's arrays of arrays are rectangular.
            # How long the first is does not show, so that it is planned once (ADR 19).
            """
            WITH wanted AS (
                SELECT * FROM unnest((SELECT $1::uuid[]), $2::uuid[], $3::text[], $4::text[],
                                     $5::text[], $6::text[], $7::bytea[], $8::text[],
                                     $9::text[], $10::text[], $11::boolean[], $12::boolean[],
                                     $13::bytea[], $14::bytea[])
                    AS wanted (id, owner_id, external_id, name, layout, layout_version,
                               fingerprint, claim_key, thing_ids, channel_ids, has_config,
                               has_certificates, sealed_plan, sealed_keys)
            ), claimed AS (
                INSERT INTO mappings (id, owner_id, external_id, name, layout, layout_version,
                                      fingerprint, claim_key, status, thing_ids, channel_ids,
                                      has_config, has_certificates, sealed_plan, sealed_keys,
                                      lease_until)
                SELECT id, owner_id, external_id, name, layout, layout_version, fingerprint,
                       claim_key, 'running', thing_ids::uuid[], channel_ids::uuid[], has_config,
                       has_certificates, sealed_plan, sealed_keys, now() + $15
                FROM wanted
                ORDER BY claim_key
                ON CONFLICT DO NOTHING
                RETURNING id, thing_ids
            ), parts AS (
                INSERT INTO mapping_things (thing_id, mapping_id)
                SELECT unnest(thing_ids), id FROM claimed
            )
            SELECT wanted.id AS wanted_id, claimed.id IS NOT NULL AS is_new,
                   earlier.id, earlier.fingerprint, earlier.status, earlier.sealed_plan,
                   earlier.sealed_keys,
                   has_leftovers(wanted.owner_id, wanted.external_id) AS has_leftovers
            FROM wanted
            LEFT JOIN claimed ON claimed.id = wanted.id
            LEFT JOIN LATERAL (
                SELECT mappings.id, mappings.fingerprint, mappings.status, mappings.sealed_plan,
                       mappings.sealed_keys
                FROM mappings
                WHERE claimed.id IS NULL
                  AND (mappings.claim_key = wanted.claim_key
                       OR (mappings.owner_id = wanted.owner_id
                           AND mappings.external_id = wanted.external_id
                           AND mappings.claim_key IS NOT NULL))
                LIMIT 1
            ) AS earlier ON true
            """,
            [each.id for each in mappings],
            [each.owner_id for each in mappings],
            [each.external_id for each in mappings],
            [each.name for each in mappings],
            [each.layout for each in mappings],
            [each.layout_version for each in mappings],
            [each.fingerprint for each in mappings],
            [each.claim_key for each in mappings],
            [_array(each.thing_ids) for each in mappings],
            [_array(each.channel_ids) for each in mappings],
            [each.has_config for each in mappings],
            [each.has_certificates for each in mappings],
            [each.sealed_plan for each in mappings],
            [each.sealed_keys for each in mappings],
            self._lease,
        )
        verdicts = {row["wanted_id"]: row for row in rows}
        return [verdicts[each.id] for each in mappings]

    async def _close_all(self, _: None, closed: Sequence[Closed]) -> list[bool]:
        rows = await self._outbox.fetch_each(
            # Steps travel as text, because a list in a list is an array of arrays to the driver.
            # The status is spelt so that it is looked for by id: the index of what is unfinished
            # is full of what has just been finished, until it is cleaned up. Planned once,
            # as the claim is.
            """
            WITH changed AS (
                UPDATE mappings
                SET status = 'active', steps = made.steps::jsonb, updated_at = now()
                FROM unnest((SELECT $1::uuid[]), $2::text[]) AS made (id, steps)
                WHERE mappings.id = made.id AND lower(status) = 'running' AND NOT is_hurt
                RETURNING mappings.id AS key
            ){announcing}
            SELECT key FROM changed
            """,
            [each.id for each in closed],
            [msgspec.json.encode(list(each.steps)).decode() for each in closed],
            told={each.id: each.announcement for each in closed},
        )
        active = {row["key"] for row in rows}
        return [each.id in active for each in closed]


def _array(ids: list[UUID]) -> str:
    return "{" + ",".join(map(str, ids)) + "}"
