"""Sets of mappings in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg
from msgspec import Struct

from services.things.domain import (
    EntitySet,
    SetClaim,
    SetConnection,
    SetState,
    Withdrawal,
)
from services.things.repository.rows import (
    array_text,
    channel_arrays,
    taken,
    thing_arrays,
    thing_of,
)
from services.things.repository.secrets import ThingSecrets
from shared.coalescing import Coalescer
from shared.contracts.events import Event
from shared.contracts.things_events import (
    ChannelDeleted,
    SetApplied,
    ThingDeleted,
)
from shared.postgres.outbox import Outbox, announcement
from shared.postgres.pool import Connection, Database

TOMBSTONE_LIFETIME = timedelta(hours=24)
_PRUNED_AT_ONCE = 1000
_TOLD_AT_ONCE = 10_000  # as many as a bulk; well below the broker's limit for a message
_WISHES_AT_ONCE = 4  # each of up to 64 sets, while the owner's creations wait


class _Wish(Struct, frozen=True):
    """What one call wants to be gone."""

    withdrawals: Sequence[Withdrawal]
    withdrawn_at: datetime


class SetRepository:
    """See SetStore."""

    def __init__(self, database: Database, outbox: Outbox, secrets: ThingSecrets) -> None:
        self._database = database
        self._outbox = outbox
        self._secrets = secrets
        self._withdrawals: Coalescer[UUID, _Wish, set[UUID]] = Coalescer(
            self._withdraw_all, largest=_WISHES_AT_ONCE
        )

    async def insert(self, sets: Sequence[EntitySet]) -> set[UUID]:
        things = [(each.mapping_id, thing) for each in sets for thing in each.things]
        channels = [(each.mapping_id, channel) for each in sets for channel in each.channels]
        connections = [(each.mapping_id, pair) for each in sets for pair in each.connections]
        try:
            rows = await self._outbox.fetch_each(
                """
                WITH changed AS (
                    INSERT INTO entity_sets (mapping_id, owner_id, created_at, thing_ids,
                                             channel_ids)
                    SELECT mapping_id, owner_id, created_at, thing_ids::uuid[], channel_ids::uuid[]
                    FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::text[], $5::text[])
                        AS claim (mapping_id, owner_id, created_at, thing_ids, channel_ids)
                    ORDER BY mapping_id
                    ON CONFLICT DO NOTHING
                    RETURNING mapping_id AS key, owner_id, created_at
                ), made_things AS (
                    INSERT INTO things (id, owner_id, mapping_id, name, tags, secret,
                                        secret_fingerprint, metadata, created_at, updated_at,
                                        status)
                    SELECT made.id, changed.owner_id, changed.key, made.name, made.tags::text[],
                           made.secret, made.secret_fingerprint, made.metadata, made.created_at,
                           made.created_at, made.status
                    FROM changed
                    JOIN unnest($6::uuid[], $7::uuid[], $8::text[], $9::text[], $10::bytea[],
                                $11::bytea[], $12::jsonb[], $13::timestamptz[], $14::text[])
                        AS made (key, id, name, tags, secret, secret_fingerprint, metadata,
                                 created_at, status)
                        USING (key)
                ), made_channels AS (
                    INSERT INTO channels (id, owner_id, mapping_id, parent_id, name, description,
                                          metadata, created_at, updated_at, status)
                    SELECT made.id, changed.owner_id, changed.key, made.parent_id, made.name,
                           made.description, made.metadata, made.created_at, made.created_at,
                           made.status
                    FROM changed
                    JOIN unnest($15::uuid[], $16::uuid[], $17::uuid[], $18::text[], $19::text[],
                                $20::jsonb[], $21::timestamptz[], $22::text[])
                        AS made (key, id, parent_id, name, description, metadata, created_at,
                                 status)
                        USING (key)
                ), made_connections AS (
                    INSERT INTO connections (thing_id, channel_id, owner_id, actions, created_at,
                                             updated_at)
                    SELECT made.thing_id, made.channel_id, changed.owner_id, made.actions::text[],
                           changed.created_at, changed.created_at
                    FROM changed
                    JOIN unnest($23::uuid[], $24::uuid[], $25::uuid[], $26::text[])
                        AS made (key, thing_id, channel_id, actions)
                        USING (key)
                ){announcing}
                SELECT key FROM changed
                """,
                [each.mapping_id for each in sets],
                [each.owner_id for each in sets],
                [each.created_at for each in sets],
                [array_text([thing.id for thing in each.things]) for each in sets],
                [array_text([channel.id for channel in each.channels]) for each in sets],
                [mapping_id for mapping_id, _ in things],
                *thing_arrays([thing for _, thing in things], self._secrets),
                [mapping_id for mapping_id, _ in channels],
                *channel_arrays([channel for _, channel in channels]),
                [mapping_id for mapping_id, _ in connections],
                [pair.thing_id for _, pair in connections],
                [pair.channel_id for _, pair in connections],
                [array_text(pair.actions) for _, pair in connections],
                told={each.mapping_id: announcement(_applied(each)) for each in sets},
            )
        except asyncpg.UniqueViolationError as error:
            raise taken(error) from None
        return {row["key"] for row in rows}

    async def find(self, mapping_id: UUID) -> SetClaim | None:
        row = await self._database.fetchrow(
            """
            SELECT owner_id, created_at, withdrawn_at IS NOT NULL AS is_withdrawn
            FROM entity_sets
            WHERE mapping_id = $1
            """,
            mapping_id,
        )
        return None if row is None else SetClaim(**row)

    async def view(self, mapping_ids: Sequence[UUID], owner_id: UUID) -> dict[UUID, SetState]:
        rows = await self._database.fetch(
            # OFFSET 0: each entity is looked up by its id and nothing else. A join, or the owner as
            # one more condition, would be left to statistics; with old ones or none PostgreSQL may
            # go over all that the owner has.
            """
            WITH claim AS MATERIALIZED (
                SELECT mapping_id, created_at AS applied_at, thing_ids, channel_ids
                FROM entity_sets
                WHERE mapping_id = ANY ($1::uuid[]) AND owner_id = $2 AND withdrawn_at IS NULL
            ), members AS MATERIALIZED (
                SELECT claim.mapping_id, thing.*
                FROM claim CROSS JOIN unnest(claim.thing_ids) AS made (id)
                CROSS JOIN LATERAL (
                    SELECT id, mapping_id AS made_with, owner_id, name, tags, secret, metadata,
                           created_at, updated_at, updated_by, status
                    FROM things
                    WHERE things.id = made.id
                    OFFSET 0
                ) AS thing
                WHERE thing.made_with = claim.mapping_id AND thing.owner_id = $2
            ), groups AS MATERIALIZED (
                SELECT claim.mapping_id, channel.id
                FROM claim CROSS JOIN unnest(claim.channel_ids) AS made (id)
                CROSS JOIN LATERAL (
                    SELECT id, mapping_id AS made_with, owner_id
                    FROM channels
                    WHERE channels.id = made.id
                    OFFSET 0
                ) AS channel
                WHERE channel.made_with = claim.mapping_id AND channel.owner_id = $2
            ), foreign_connections AS (
                SELECT members.mapping_id, connection.thing_id, connection.channel_id,
                       connection.actions
                FROM members CROSS JOIN LATERAL (
                    SELECT * FROM connections WHERE thing_id = members.id OFFSET 0
                ) AS connection
                WHERE (members.mapping_id, connection.channel_id) NOT IN (
                    SELECT mapping_id, id FROM groups
                )
                UNION ALL
                SELECT groups.mapping_id, connection.thing_id, connection.channel_id,
                       connection.actions
                FROM groups CROSS JOIN LATERAL (
                    SELECT * FROM connections WHERE channel_id = groups.id OFFSET 0
                ) AS connection
                WHERE (groups.mapping_id, connection.thing_id) NOT IN (
                    SELECT mapping_id, id FROM members
                )
            )
            SELECT claim.mapping_id, applied_at, members.id, members.owner_id, members.name,
                   members.tags, members.secret, members.metadata, members.created_at,
                   members.updated_at, members.updated_by, members.status, groups.id AS group_id,
                   foreign_connections.thing_id, foreign_connections.channel_id,
                   foreign_connections.actions
            FROM claim
            CROSS JOIN (VALUES (1), (2), (3)) AS kind (number)
            LEFT JOIN members
                ON kind.number = 1 AND members.mapping_id = claim.mapping_id
            LEFT JOIN groups
                ON kind.number = 2 AND groups.mapping_id = claim.mapping_id
            LEFT JOIN foreign_connections
                ON kind.number = 3 AND foreign_connections.mapping_id = claim.mapping_id
            ORDER BY members.created_at, members.id, groups.id, thing_id, channel_id
            """,
            list(mapping_ids),
            owner_id,
        )
        states: dict[UUID, SetState] = {}
        for row in rows:
            state = states.setdefault(
                row["mapping_id"],
                SetState(
                    created_at=row["applied_at"],
                    things=[],
                    channel_ids=[],
                    foreign_connections=[],
                ),
            )
            if row["id"]:
                state.things.append(thing_of(row, self._secrets))
            elif row["group_id"]:
                state.channel_ids.append(row["group_id"])
            elif row["thing_id"]:
                state.foreign_connections.append(
                    SetConnection(
                        thing_id=row["thing_id"],
                        channel_id=row["channel_id"],
                        actions=tuple(row["actions"]),
                    )
                )
        return states

    async def withdraw(
        self, withdrawals: Sequence[Withdrawal], *, owner_id: UUID, withdrawn_at: datetime
    ) -> set[UUID]:
        return await self._withdrawals.call(owner_id, _Wish(withdrawals, withdrawn_at))

    async def _withdraw_all(self, owner_id: UUID, wishes: Sequence[_Wish]) -> list[set[UUID]]:
        """Those of one owner at the same moment together: alone they would wait for each other."""
        withdrawals = [each for wish in wishes for each in wish.withdrawals]
        mapping_ids = {each.mapping_id for each in withdrawals}
        withdrawn_at = max(wish.withdrawn_at for wish in wishes)

        async def remove(connection: Connection) -> set[UUID]:
            # Waits for applications that are under way, and then, all claims had, for the owner's
            # creations under way; later ones find the ids withdrawn. The next statement sees what
            # both made.
            claimed = await connection.fetchval(
                """
                WITH claimed AS (
                    INSERT INTO entity_sets (mapping_id, owner_id, thing_ids, channel_ids,
                                             created_at, withdrawn_at)
                    SELECT mapping_id, $2, '{}', '{}', $3, $3
                    FROM unnest($1::uuid[]) AS mapping_id
                    ORDER BY mapping_id
                    ON CONFLICT (mapping_id) DO UPDATE
                    SET withdrawn_at = coalesce(entity_sets.withdrawn_at, excluded.withdrawn_at)
                    WHERE entity_sets.owner_id = excluded.owner_id
                    RETURNING mapping_id
                ), everything AS (
                    SELECT coalesce(array_agg(mapping_id), '{}') AS mapping_ids FROM claimed
                )
                SELECT mapping_ids, pg_advisory_xact_lock(hashtextextended($2::uuid::text, 0))
                FROM everything
                """,
                list(mapping_ids),
                owner_id,
                withdrawn_at,
            )
            own = set(claimed)
            things = [
                (each.mapping_id, member)
                for each in withdrawals
                for member in each.thing_ids
                if each.mapping_id in own
            ]
            channels = [
                (each.mapping_id, member)
                for each in withdrawals
                for member in each.channel_ids
                if each.mapping_id in own
            ]
            removed = await connection.fetch(
                # Looked up by their ids as in `view`. Nobody gives one away between the look and
                # the removal: that needs the owner's lock too.
                """
                WITH withdrawn AS (
                    INSERT INTO withdrawn_ids (id, withdrawn_at)
                    SELECT DISTINCT id, $6::timestamptz
                    FROM unnest($2::uuid[] || $4::uuid[]) AS id ORDER BY id
                    ON CONFLICT DO NOTHING
                ), removed_things AS (
                    DELETE FROM things WHERE id = ANY (ARRAY(
                        SELECT thing.id
                        FROM unnest($2::uuid[], $3::uuid[]) AS gone (id, mapping_id)
                        CROSS JOIN LATERAL (
                            SELECT id, mapping_id, owner_id FROM things
                            WHERE things.id = gone.id
                            OFFSET 0
                        ) AS thing
                        WHERE thing.mapping_id = gone.mapping_id AND thing.owner_id = $1
                    ))
                    RETURNING id
                ), removed_channels AS (
                    DELETE FROM channels WHERE id = ANY (ARRAY(
                        SELECT channel.id
                        FROM unnest($4::uuid[], $5::uuid[]) AS gone (id, mapping_id)
                        CROSS JOIN LATERAL (
                            SELECT id, mapping_id, owner_id FROM channels
                            WHERE channels.id = gone.id
                            OFFSET 0
                        ) AS channel
                        WHERE channel.mapping_id = gone.mapping_id AND channel.owner_id = $1
                    ))
                    RETURNING id
                )
                SELECT id, true AS is_thing FROM removed_things
                UNION ALL
                SELECT id, false FROM removed_channels
                """,
                owner_id,
                [member for _, member in things],
                [mapping_id for mapping_id, _ in things],
                [member for _, member in channels],
                [mapping_id for mapping_id, _ in channels],
                withdrawn_at,
            )
            gone_things = [row["id"] for row in removed if row["is_thing"]]
            gone_channels = [row["id"] for row in removed if not row["is_thing"]]
            events: list[Event] = [ThingDeleted(thing_ids=part) for part in _parts(gone_things)]
            events += [ChannelDeleted(channel_ids=part) for part in _parts(gone_channels)]
            await Outbox.append_all(connection, events)
            return own

        own = await self._database.transact(remove)
        self._outbox.written.set()
        await self._prune(withdrawn_at - TOMBSTONE_LIFETIME)
        return [own.intersection(each.mapping_id for each in wish.withdrawals) for wish in wishes]

    async def _prune(self, before: datetime) -> None:
        """Let go of some ids that were withdrawn long ago; most often there are none."""
        await self._database.execute(
            # In order and by arrays, so that only the indexes are asked, whatever the statistics.
            """
            WITH old_sets AS (
                DELETE FROM entity_sets WHERE mapping_id = ANY (ARRAY(
                    SELECT mapping_id FROM entity_sets WHERE withdrawn_at < $1
                    ORDER BY withdrawn_at LIMIT $2 FOR UPDATE SKIP LOCKED
                ))
            )
            DELETE FROM withdrawn_ids WHERE id = ANY (ARRAY(
                SELECT id FROM withdrawn_ids WHERE withdrawn_at < $1
                ORDER BY withdrawn_at LIMIT $2 FOR UPDATE SKIP LOCKED
            ))
            """,
            before,
            _PRUNED_AT_ONCE,
        )


def _parts(ids: list[UUID]) -> list[list[UUID]]:
    """Ids as events list them; none has an empty list."""
    return [ids[place : place + _TOLD_AT_ONCE] for place in range(0, len(ids), _TOLD_AT_ONCE)]


def _applied(entities: EntitySet) -> SetApplied:
    return SetApplied(
        mapping_id=entities.mapping_id,
        owner_id=entities.owner_id,
        thing_ids=[thing.id for thing in entities.things],
        channel_ids=[channel.id for channel in entities.channels],
    )
