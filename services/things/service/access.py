"""May a thing publish or read in a channel? What every messaging adapter asks."""

from __future__ import annotations

from uuid import UUID

from services.things.domain import ACTIONS, Device
from services.things.ports import Devices, Facts
from services.things.service.authorization import Authorization
from shared.errors import Forbidden, InvalidInput
from shared.http.auth import Caller


class AccessService:
    """Answers from facts that are remembered until they change."""

    def __init__(self, facts: Facts, devices: Devices, authorization: Authorization) -> None:
        self._facts = facts
        self._devices = devices
        self._authorization = authorization

    async def check_secret(self, secret: str, channel_id: UUID, action: str) -> UUID:
        """Tell which enabled thing has a secret, if it may do this in an enabled channel.

        Raises:
            InvalidInput: An action that does not exist.
            Forbidden: It may not, whatever the reason.
        """
        _require_action(action)
        thing_id = await self._facts.find_thing(secret)
        if thing_id is None:
            raise Forbidden
        await self._require_connection(thing_id, channel_id, action)
        return thing_id

    async def check_thing(
        self, caller: Caller, thing_id: UUID, channel_id: UUID, action: str
    ) -> UUID:
        """The same for a thing that has proved to an adapter who it is.

        Raises:
            InvalidInput: An action that does not exist.
            Forbidden: It may not, whatever the reason; or the caller may not ask.
        """
        self._authorization.ask_access(caller, channel_id)
        _require_action(action)
        if not await self._facts.is_enabled(thing_id):
            raise Forbidden
        await self._require_connection(thing_id, channel_id, action)
        return thing_id

    async def find_device(self, secret: str) -> Device:
        """The enabled thing that has a secret, with all its channels; raises Forbidden."""
        device = await self._devices.find(secret)
        if device is None:
            raise Forbidden
        return device

    async def _require_connection(self, thing_id: UUID, channel_id: UUID, action: str) -> None:
        if action not in await self._facts.find_actions(thing_id, channel_id):
            raise Forbidden


def _require_action(action: str) -> None:
    if action not in ACTIONS:
        raise InvalidInput("invalid policy action")
