"""Who is let in, and what he may do then."""

from __future__ import annotations

import re
from uuid import UUID

from services.mqtt_auth.domain import Device, Login, LoginRefused, Permissions
from services.mqtt_auth.ports import Grants, News, Things
from services.mqtt_auth.service.roster import Roster
from shared.errors import Unavailable
from shared.messaging.subjects import subjects_of

READ, WRITE = "m_read", "m_write"
# All of them have to fit into the broker's answer, which is one message.
MAX_CHANNELS = 2000
_LOOKS = 3
# What the broker makes up for a client that has no id: nobody can guess another's.
_MADE_BY_BROKER = re.compile(r"[0-9A-Za-z]{22}")
# Subscriptions that brokers before this version make in a device's name for QoS 1 and 2. They are
# for MQTT alone, whose clients cannot ask for them: others could read everybody's messages there.
_INTERNAL_SINCE = (2, 15)
_INTERNAL_SUBJECTS = ("$MQTT.sub.>", "$MQTT.deliver.pubrel.>")


class LoginService:
    """Decides about logins.

    Args:
        any_client_id: Whether MQTT client ids are free for all.
    """

    def __init__(
        self,
        things: Things,
        roster: Roster,
        grants: Grants,
        news: News,
        *,
        any_client_id: bool = False,
    ) -> None:
        self._things = things
        self._roster = roster
        self._grants = grants
        self._news = news
        self._any_client_id = any_client_id

    async def admit(self, login: Login) -> Permissions:
        """Let a device in.

        The connection is on the roster before things is asked, so that news about it is noticed.

        Raises:
            LoginRefused: User and key do not belong together, or the client id is another's.
            Unavailable: Nobody can tell.
        """
        thing_id = _thing_id(login.user)
        if login.protocol == "mqtt" and not self._any_client_id:
            _require_own_client_id(login.client_id, thing_id)
        try:
            device = await self._find(login, thing_id)
        except BaseException:
            self._roster.remove(login.link)
            raise
        channels = {channel.id: channel.enabled for channel in device.channels}
        self._roster.admit(login.link, thing_id, channels)
        await self._grants.tell(login.link, thing_id, channels)
        return permissions_of(device, login)

    async def _find(self, login: Login, thing_id: UUID) -> Device:
        """The device as it is after all news that has been heard."""
        for _ in range(_LOOKS):
            self._roster.expect(login.link, thing_id)
            device = await self._things.find_device(login.key)
            if device is None or device.thing_id != thing_id:
                raise LoginRefused("no such thing with this key")
            if len(device.channels) > MAX_CHANNELS:
                raise LoginRefused(f"thing {thing_id} is in more than {MAX_CHANNELS} channels")
            if not await self._news.is_heard():
                raise Unavailable("things' events are not heard")
            if not self._roster.is_overtaken(login.link):
                return device
        raise LoginRefused(f"thing {thing_id} changes faster than it can be looked at")


def permissions_of(device: Device, login: Login) -> Permissions:
    """What a device may publish and subscribe to: its enabled channels, by its actions there."""
    publish: list[str] = []
    subscribe: list[str] = []
    for channel in device.channels:
        if not channel.enabled:
            continue
        subjects = subjects_of(str(channel.id))
        if WRITE in channel.actions:
            publish.extend(subjects)
        if READ in channel.actions:
            subscribe.extend(subjects)
    if subscribe and login.protocol == "mqtt" and _version(login.server_version) < _INTERNAL_SINCE:
        subscribe.extend(_INTERNAL_SUBJECTS)
    return Permissions(publish=tuple(publish), subscribe=tuple(subscribe))


def _thing_id(user: str) -> UUID:
    try:
        thing_id = UUID(user)
    except ValueError:
        raise LoginRefused("the user is not the id of a thing") from None
    if str(thing_id) != user:
        raise LoginRefused("the id of the thing is not in its usual form")
    return thing_id


def _require_own_client_id(client_id: str, thing_id: UUID) -> None:
    """Sessions belong to client ids, whoever uses them: none may take over another thing's.

    Agents call themselves `agent-<thing id>`; the id may stand anywhere.
    """
    if str(thing_id) not in client_id and not _MADE_BY_BROKER.fullmatch(client_id):
        raise LoginRefused(f"client id {client_id[:64]!r} does not contain the thing's id")


def _version(text: str) -> tuple[int, ...]:
    numbers = re.match(r"(\d+)\.(\d+)", text)
    return tuple(map(int, numbers.groups())) if numbers else (0,)
