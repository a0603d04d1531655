"""Messages over HTTP."""

from __future__ import annotations

import re
from base64 import b64decode

from aiohttp import web

from services.http_adapter.domain import Message, MissingChannel
from services.http_adapter.service import MessageService
from shared.errors import Unauthenticated
from shared.http.auth import device_key
from shared.http.body import read_bytes
from shared.http.operation import Access, operation
from shared.http.problems import TooLarge, UnsupportedContentType
from shared.messaging.publisher import MessageTooLarge
from shared.messaging.subjects import read_subtopic

MESSAGE_SERVICE: web.AppKey[MessageService] = web.AppKey("message_service", MessageService)
CONTENT_TYPES = ("application/senml+json", "application/senml+cbor", "application/json")
_CHANNEL_ID = re.compile(r"[A-Za-z0-9_-]+")
_ERRORS = (400, 403, 413, 415)

routes = web.RouteTableDef()


@routes.post("/channels/{channel_id:[^/]*}/messages")
@operation(access=Access.DEVICE, status=202, errors=_ERRORS)
async def publish_message(request: web.Request) -> web.Response:
    """Publish a message of a thing that is connected to the channel."""
    return await _publish(request, "")


@routes.post(r"/channels/{channel_id:[^/]*}/messages/{subtopic:[\s\S]*}")
@operation(access=Access.DEVICE, status=202, errors=_ERRORS)
async def publish_message_to_subtopic(request: web.Request) -> web.Response:
    """The same to a subtopic of the channel; `/` and `.` separate its levels."""
    _, _, raw = request.rel_url.raw_path.partition("/messages/")
    return await _publish(request, read_subtopic(raw))


async def _publish(request: web.Request, subtopic: str) -> web.Response:
    content_type = _content_type(request)
    channel_id = request.match_info["channel_id"]
    if not _CHANNEL_ID.fullmatch(channel_id):
        raise MissingChannel
    service = request.app[MESSAGE_SERVICE]
    thing_id = await service.require_publisher(_key(request), channel_id)
    message = Message(
        channel_id=channel_id,
        subtopic=subtopic,
        content_type=content_type,
        payload=await read_bytes(request),
    )
    try:
        await service.publish(thing_id, message)
    except MessageTooLarge:
        raise TooLarge("request body too large") from None
    return web.Response(status=202)


def _content_type(request: web.Request) -> str:
    kind = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind not in CONTENT_TYPES:
        raise UnsupportedContentType
    return kind


def _key(request: web.Request) -> str:
    """The thing's key: the password of `Basic`, or behind `Thing`."""
    scheme, _, login = request.headers.get("Authorization", "").partition(" ")
    if scheme != "Basic":
        return device_key(request, ("Thing",))
    try:
        key = b64decode(login, validate=True).decode().partition(":")[2]
    except ValueError:
        key = ""
    if not key:
        raise Unauthenticated("missing or invalid bearer entity key")
    return key
