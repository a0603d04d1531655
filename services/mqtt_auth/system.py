"""The broker's system account: who comes and goes, the complete list, and ending connections.

Source: https://docs.nats.io/running-a-nats-service/configuration/sys_accounts
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from uuid import UUID

import msgspec
import structlog
from msgspec import Struct
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError
from prometheus_client import Counter, Gauge

from services.mqtt_auth.domain import Link, Presence, Sighting, protocol_of
from services.mqtt_auth.service.roster import Roster
from shared.errors import Unavailable
from shared.messaging.connection import Connection
from shared.tasks import stop

logger = structlog.get_logger(__name__)

CONNECTED = Gauge(
    "devices_connected", "Connections of devices to the broker.", multiprocess_mode="max"
)
PUT_OUT = Counter("device_connections_ended_total", "Connections ended because of a change.")

_PERIOD_SECONDS = 60.0
_RETRY_SECONDS = 1.0
_PAGE = 1024
_AT_ONCE = 64
_ANSWER_SECONDS = 5.0
_SERVERS_SECONDS = 0.3


class _Client(Struct):
    start: datetime
    id: int
    user: str = ""
    client_type: str = "nats"


class _Server(Struct):
    id: str


class _Advisory(Struct):
    """The broker's words about somebody who comes or goes."""

    server: _Server
    client: _Client


class _Ping(Struct):
    server: _Server


class _Listed(Struct):
    cid: int
    start: datetime
    authorized_user: str = ""
    type: str = "nats"


class _ListPage(Struct):
    total: int
    connections: list[_Listed] = []


class _List(Struct):
    """One page of a server's connections."""

    data: _ListPage


class SystemAccount:
    """See Door; and keeps the roster in step with the broker.

    Args:
        account: Whose connections count.
    """

    def __init__(self, connection: Connection, account: str, roster: Roster) -> None:
        self._connection = connection
        self._account = account
        self._roster = roster
        self._is_stale = asyncio.Event()

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Keep the roster for as long as the context lasts."""
        task = asyncio.create_task(self._watch_for_ever(), name="device-roster")
        try:
            yield
        finally:
            await stop(task)

    def look_again(self) -> None:
        """Something may have been missed."""
        self._is_stale.set()

    async def is_watching(self) -> bool:
        """Whether the connection stands and the roster was complete once."""
        return await self._connection.is_up() and self._roster.is_complete

    async def put_out(self, links: Sequence[Link]) -> None:
        for first in range(0, len(links), _AT_ONCE):
            await asyncio.gather(*map(self._put_out, links[first : first + _AT_ONCE]))

    async def _put_out(self, link: Link) -> None:
        client = self._connection.connected_client()
        body = msgspec.json.encode({"cid": link.number})
        try:
            # A request that wants no answer would not be heard.
            await client.request(
                f"$SYS.REQ.SERVER.{link.server_id}.KICK", body, timeout=_ANSWER_SECONDS
            )
        except NoRespondersError:
            pass  # that server is gone, and all its connections with it
        except (NatsError, OSError, TimeoutError):
            raise Unavailable("the message broker does not answer") from None
        PUT_OUT.inc()

    async def _watch_for_ever(self) -> None:
        client = await self._connection.client()
        # One subscription for both, so that coming and going are told in their order.
        await client.subscribe(f"$SYS.ACCOUNT.{self._account}.*", cb=self._note)
        while True:
            self._is_stale.clear()
            try:
                await self._connection.flush()
                self._roster.begin_snapshot()
                self._roster.finish_snapshot(await self._list_all())
                CONNECTED.set(len(self._roster))
            except (NatsError, OSError, TimeoutError, Unavailable, msgspec.DecodeError) as error:
                logger.warning("roster_not_complete", error=str(error) or type(error).__name__)
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            with suppress(TimeoutError):
                await asyncio.wait_for(self._is_stale.wait(), _PERIOD_SECONDS)

    async def _note(self, message: Msg) -> None:
        kind = message.subject.rpartition(".")[2]
        if kind not in ("CONNECT", "DISCONNECT"):
            return
        try:
            advisory = msgspec.json.decode(message.data, type=_Advisory)
        except msgspec.DecodeError:
            logger.warning("unreadable_advisory", subject=message.subject)
            return
        link = Link(advisory.server.id, advisory.client.id)
        client = advisory.client
        sighting = _sighting(link, client.user, client.start, client.client_type)
        if kind == "DISCONNECT":
            self._roster.remove(link)
        elif sighting is not None:
            self._roster.arrived(sighting)
        CONNECTED.set(len(self._roster))

    async def _list_all(self) -> list[Sighting]:
        """Every connection of the account, on all servers."""
        sightings = []
        for server_id in await self._servers():
            offset, total = 0, 1
            while offset < total:
                page = await self._page(server_id, offset)
                total = page.total
                offset += _PAGE
                for listed in page.connections:
                    link = Link(server_id, listed.cid)
                    sighting = _sighting(link, listed.authorized_user, listed.start, listed.type)
                    if sighting is not None:
                        sightings.append(sighting)
        return sightings

    async def _page(self, server_id: str, offset: int) -> _ListPage:
        client = self._connection.connected_client()
        wanted = {"auth": True, "acc": self._account, "limit": _PAGE, "offset": offset}
        answer = await client.request(
            f"$SYS.REQ.SERVER.{server_id}.CONNZ",
            msgspec.json.encode(wanted),
            timeout=_ANSWER_SECONDS,
        )
        return msgspec.json.decode(answer.data, type=_List).data

    async def _servers(self) -> list[str]:
        """The servers that answer; how many there are is not known beforehand."""
        client = self._connection.connected_client()
        inbox = client.new_inbox()
        answers = await client.subscribe(inbox)
        servers: list[str] = []
        try:
            await client.publish("$SYS.REQ.SERVER.PING", b"", reply=inbox)
            deadline = time.monotonic() + _ANSWER_SECONDS
            while (left := deadline - time.monotonic()) > 0:
                message = await answers.next_msg(_SERVERS_SECONDS if servers else left)
                servers.append(msgspec.json.decode(message.data, type=_Ping).server.id)
        except TimeoutError:
            pass
        finally:
            await answers.unsubscribe()
        if not servers:
            raise Unavailable("the message broker does not answer")
        return servers


def _sighting(link: Link, user: str, start: datetime, client_type: str) -> Sighting | None:
    """None for those that are not devices."""
    try:
        thing_id = UUID(user)
    except ValueError:
        return None
    return Sighting(
        link=link,
        thing_id=thing_id,
        presence=Presence(since=start, protocol=protocol_of(client_type)),
    )
