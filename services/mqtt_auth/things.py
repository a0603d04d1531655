"""The things service, in the words of this one."""

from __future__ import annotations

from uuid import UUID

from services.mqtt_auth.domain import Device, DeviceChannel
from shared.clients.things import ThingsClient
from shared.errors import Forbidden, InvalidInput


class AskedThings:
    """See Things."""

    def __init__(self, client: ThingsClient) -> None:
        self._client = client

    async def find_device(self, key: str) -> Device | None:
        try:
            device = await self._client.find_device(key)
        except (Forbidden, InvalidInput):  # what no key can be is malformed
            return None
        return Device(
            thing_id=device.thing_id,
            channels=tuple(
                DeviceChannel(id=each.id, actions=frozenset(each.actions), enabled=each.enabled)
                for each in device.channels
            ),
        )

    async def require_visible(self, token: str, thing_id: UUID) -> None:
        await self._client.view_thing(token, thing_id)
