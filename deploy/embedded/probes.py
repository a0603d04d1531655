"""Asking a server whether it is ready, in its own language, with nothing but a socket."""

import asyncio
import contextlib
import struct
from urllib.parse import urlsplit

_USUAL_PORTS = {"postgresql": 5432, "postgres": 5432, "redis": 6379, "rediss": 6379, "nats": 4222}
_POSTGRES_PROTOCOL = 0x30000


async def check(url: str, password: str = "", timeout_seconds: float = 2.0) -> bool:
    """Whether the server at `url` is ready.

    Args:
        url: `http://` asks for status 200, `redis://` for a PONG, `postgresql://` for being
            willing to let somebody log in, `tcp://` for an open port.
        password: What `redis://` wants to hear first.
        timeout_seconds: No answer in this time is a no.
    """
    parts = urlsplit(url)
    talk = {"http": _http, "redis": _redis, "postgresql": _postgres, "tcp": _tcp}[parts.scheme]
    try:
        async with asyncio.timeout(timeout_seconds):
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
            try:
                return await talk(reader, writer, parts.path, password)
            finally:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
    except (OSError, TimeoutError, asyncio.IncompleteReadError):
        return False


def tcp_address(url: str) -> str | None:
    """The `tcp://` address behind a server's URL; None for one without a host (a local socket)."""
    parts = urlsplit(url.split(",")[0])
    if not parts.hostname:
        return None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"tcp://{host}:{parts.port or _USUAL_PORTS.get(parts.scheme, 80)}"


async def _http(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str, _: str
) -> bool:
    writer.write(f"GET {path or '/'} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
    status = await reader.readline()
    return status.split()[1:2] == [b"200"]


async def _redis(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _: str, password: str
) -> bool:
    if password:
        writer.write(f"AUTH {password}\r\n".encode())
        await reader.readline()
    writer.write(b"PING\r\n")
    return await reader.readline() == b"+PONG\r\n"


async def _postgres(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _path: str, _password: str
) -> bool:
    # The same question as pg_isready's: while it starts or recovers it answers with an error (E)
    # instead of asking for authentication (R).
    who = b"user\0supermq\0database\0postgres\0\0"
    writer.write(struct.pack("!ii", 8 + len(who), _POSTGRES_PROTOCOL) + who)
    return await reader.readexactly(1) == b"R"


async def _tcp(
    _reader: asyncio.StreamReader, _writer: asyncio.StreamWriter, _path: str, _password: str
) -> bool:
    return True
