"""Answers the broker's question about each login, signed with the account key.

Source: https://docs.nats.io/running-a-nats-service/configuration/securing_nats/auth_callout
"""

from __future__ import annotations

import asyncio
import time
from base64 import urlsafe_b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any
from uuid import uuid4

import msgspec
import structlog
from msgspec import Struct
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from prometheus_client import Counter

from services.mqtt_auth.domain import Link, Login, LoginRefused, Permissions, protocol_of
from services.mqtt_auth.service.logins import LoginService
from shared.errors import DomainError
from shared.messaging.connection import Connection
from shared.messaging.nkeys import AccountKey
from shared.tasks import stop

logger = structlog.get_logger(__name__)

LOGINS = Counter("device_logins_total", "Logins of devices, by how they ended.", ["outcome"])

_SUBJECT = "$SYS.REQ.USER.AUTH"
_QUEUE = "mqtt_auth"
# The broker refuses by itself after three seconds.
_PATIENCE_SECONDS = 2.5
_EVERYTHING = ">"


class _Server(Struct):
    id: str
    version: str = ""


class _ClientInfo(Struct):
    id: int
    type: str = "nats"
    mqtt_id: str = ""


class _ConnectOptions(Struct):
    user: str = ""
    password: str = msgspec.field(name="pass", default="")


class _Question(Struct):
    server_id: _Server
    user_nkey: str
    client_info: _ClientInfo
    connect_opts: _ConnectOptions


class _Claims(Struct):
    nats: _Question


class Responder:
    """Listens to the broker; several processes share the questions.

    Args:
        account: The account that devices land in.
        concurrency: How many logins are decided at the same time.
    """

    def __init__(
        self,
        connection: Connection,
        logins: LoginService,
        key: AccountKey,
        *,
        account: str,
        concurrency: int,
    ) -> None:
        self._connection = connection
        self._logins = logins
        self._key = key
        self._account = account
        self._free = asyncio.Semaphore(concurrency)
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_asked = False

    @asynccontextmanager
    async def answering(self) -> AsyncIterator[None]:
        """Answer for as long as the context lasts."""
        subscribing = asyncio.create_task(self._subscribe(), name="auth-callout")
        try:
            yield
        finally:
            await stop(subscribing)
            for task in tuple(self._tasks):
                await stop(task)

    async def is_asked(self) -> bool:
        """Whether the broker's questions come here."""
        return self._is_asked

    async def _subscribe(self) -> None:
        client = await self._connection.client()
        await client.subscribe(_SUBJECT, queue=_QUEUE, cb=self._take)
        await client.flush()
        self._is_asked = True

    async def _take(self, message: Msg) -> None:
        task = asyncio.create_task(self._answer(message, time.monotonic()))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, message: Msg, asked_at: float) -> None:
        async with self._free:
            if time.monotonic() - asked_at > _PATIENCE_SECONDS:
                LOGINS.labels("too late").inc()  # the broker has refused by now
                return
            try:
                question = _read(message.data)
            except (ValueError, IndexError):
                logger.warning("unreadable_login")
                return
            verdict = await self._verdict(question)
            now = int(time.time())
            answer = self._key.sign(
                {
                    "sub": question.user_nkey,
                    "aud": question.server_id.id,
                    "iat": now,
                    "jti": uuid4().hex,
                    "nats": {"type": "authorization_response", "version": 2, **verdict},
                }
            )
            with suppress(NatsError, OSError):
                await message.respond(answer.encode())

    async def _verdict(self, question: _Question) -> dict[str, str]:
        """Either the device's token or why it has none; in doubt, none."""
        info, options = question.client_info, question.connect_opts
        login = Login(
            link=Link(question.server_id.id, info.id),
            user=options.user,
            key=options.password,
            protocol=protocol_of(info.type),
            client_id=info.mqtt_id,
            server_version=question.server_id.version,
        )
        try:
            permissions = await self._logins.admit(login)
        except LoginRefused as refusal:
            LOGINS.labels("refused").inc()
            logger.info("login_refused", user=login.user[:64], reason=str(refusal))
            return {"error": "refused"}
        except DomainError as error:
            LOGINS.labels("undecided").inc()
            logger.warning("login_undecided", reason=error.reason)
            return {"error": "unavailable"}
        except Exception:
            LOGINS.labels("undecided").inc()
            logger.exception("login_failed")
            return {"error": "unavailable"}
        LOGINS.labels("admitted").inc()
        return {"jwt": self._token(question.user_nkey, login.user, permissions)}

    def _token(self, subject: str, thing_id: str, permissions: Permissions) -> str:
        return self._key.sign(
            {
                "sub": subject,
                "aud": self._account,
                "name": thing_id,
                "iat": int(time.time()),
                "jti": uuid4().hex,
                "nats": {
                    "type": "user",
                    "version": 2,
                    "pub": _only(permissions.publish),
                    "sub": _only(permissions.subscribe),
                    "subs": -1,
                    "data": -1,
                    "payload": -1,
                },
            }
        )


def _only(subjects: tuple[str, ...]) -> dict[str, Any]:
    """An empty list of what is allowed would allow everything."""
    return {"allow": subjects} if subjects else {"deny": (_EVERYTHING,)}


def _read(token: bytes) -> _Question:
    """What stands in the broker's token; only the broker itself can have sent it here."""
    claims = token.split(b".")[1]
    return msgspec.json.decode(
        urlsafe_b64decode(claims + b"=" * (-len(claims) % 4)), type=_Claims
    ).nats
