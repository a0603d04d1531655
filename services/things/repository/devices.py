"""Devices with their channels, straight from PostgreSQL: asked once for each login."""

from __future__ import annotations

from services.things.domain import Device, DeviceChannel
from services.things.repository.secrets import ThingSecrets
from shared.postgres.pool import Database


class DeviceRepository:
    """See Devices."""

    def __init__(self, database: Database, secrets: ThingSecrets) -> None:
        self._database = database
        self._secrets = secrets

    async def find(self, secret: str) -> Device | None:
        rows = await self._database.fetch(
            """
            SELECT things.id AS thing_id, connections.actions, channels.id AS channel_id,
                   channels.status = 'enabled' AS enabled
            FROM things
            LEFT JOIN connections ON connections.thing_id = things.id
            LEFT JOIN channels ON channels.id = connections.channel_id
            WHERE things.secret_fingerprint = $1 AND things.status = 'enabled'
            """,
            self._secrets.fingerprint(secret),
        )
        if not rows:
            return None
        return Device(
            thing_id=rows[0]["thing_id"],
            channels=[
                DeviceChannel(id=row["channel_id"], actions=row["actions"], enabled=row["enabled"])
                for row in rows
                if row["channel_id"] is not None
            ],
        )
