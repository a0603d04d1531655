"""Devices at the broker: logins, and messages from one to another, beside NATS' own protocol.

Frames are made beforehand and answers are only counted, so that the broker is what is measured.
"""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import Iterator
from itertools import count

from msgspec import Struct

from bench.load import LoadError, Result
from bench.processes import Parts, cpu_per_request

PAYLOAD = b'[{"n":"temperature","v":20.5}]'
_PARALLEL = 16
_BATCH = 200
_CONNECT, _CONNACK, _PUBACK = 0x10, b"\x20\x02\x00\x00", 4
_READ_BYTES = 1 << 18
_Done = tuple[int, float]  # how many, in how many seconds


class Devices(Struct, frozen=True, kw_only=True):
    """A thing that may talk in a channel, and where."""

    host: str
    mqtt_port: int
    nats_port: int
    thing_id: str
    thing_key: str
    channel_id: str


def measure_devices(devices: Devices, parts: Parts, seconds: float) -> Iterator[Result]:
    """One result per row, each as soon as it is known."""
    for name, work in DEVICE_ROWS.items():
        parts.wait_until_quiet()
        before = parts.cpu_seconds()
        done, taken = asyncio.run(work(devices, seconds))
        cpu = cpu_per_request(before, parts.cpu_seconds(), done)
        yield Result(name=name, per_second=done / taken, cpu=cpu)


async def _logins(devices: Devices, seconds: float) -> _Done:
    numbers = count()
    end = time.monotonic() + seconds
    done = 0

    async def log_in_again_and_again() -> None:
        nonlocal done
        while time.monotonic() < end:
            _, writer = await _mqtt(devices, f"login-{next(numbers)}")
            writer.close()
            done += 1

    begin = time.monotonic()
    await asyncio.gather(*(log_in_again_and_again() for _ in range(_PARALLEL)))
    return done, time.monotonic() - begin


async def _qos0(devices: Devices, seconds: float) -> _Done:
    topic = _topic(devices)
    hearing, hearing_writer = await _mqtt(devices, "hearing")
    hearing_writer.write(_frame(0x82, b"\x00\x01" + _text(topic) + b"\x00"))
    await hearing.readexactly(5)
    _, writer = await _mqtt(devices, "talking")
    message = _frame(0x30, _text(topic) + PAYLOAD)
    through = await _through(writer, message, hearing, len(message), seconds)
    _close(writer, hearing_writer)
    return through


async def _nats(devices: Devices, seconds: float) -> _Done:
    subject = f"channels.{devices.channel_id}.messages.bench"
    hearing, hearing_writer = await _nats_device(devices)
    hearing_writer.write(f"SUB {subject} 1\r\nPING\r\n".encode())
    await hearing.readuntil(b"PONG\r\n")
    _, writer = await _nats_device(devices)
    message = f"PUB {subject} {len(PAYLOAD)}\r\n".encode() + PAYLOAD + b"\r\n"
    heard = f"MSG {subject} 1 {len(PAYLOAD)}\r\n".encode() + PAYLOAD + b"\r\n"
    through = await _through(writer, message, hearing, len(heard), seconds)
    _close(writer, hearing_writer)
    return through


async def _qos1(devices: Devices, seconds: float) -> _Done:
    """Acknowledged messages of one device that keeps a batch on its way."""
    reader, writer = await _mqtt(devices, "talking")
    topic = _text(_topic(devices))
    messages = b"".join(
        _frame(0x32, topic + struct.pack("!H", number + 1) + PAYLOAD) for number in range(_BATCH)
    )
    begin, done = time.monotonic(), 0
    while time.monotonic() - begin < seconds:
        writer.write(messages)
        await reader.readexactly(_BATCH * _PUBACK)
        done += _BATCH
    taken = time.monotonic() - begin
    _close(writer)
    return done, taken


async def _through(
    writer: asyncio.StreamWriter,
    message: bytes,
    hearing: asyncio.StreamReader,
    heard_bytes: int,
    seconds: float,
) -> _Done:
    """Put messages in until the time is over, and wait for all of them at the other end."""
    heard = 0
    everything_heard = asyncio.Event()
    sent = 0
    is_over = False

    async def hear() -> None:
        nonlocal heard
        while data := await hearing.read(_READ_BYTES):
            heard += len(data)
            if is_over and heard >= sent * heard_bytes:
                everything_heard.set()

    listening = asyncio.create_task(hear())
    begin = time.monotonic()
    try:
        while time.monotonic() - begin < seconds:
            writer.write(message * _BATCH)
            await writer.drain()
            sent += _BATCH
            await asyncio.sleep(0)
        is_over = True
        if heard < sent * heard_bytes:
            await asyncio.wait_for(everything_heard.wait(), 30)
        return sent, time.monotonic() - begin
    except TimeoutError:
        raise LoadError("messages were lost") from None
    finally:
        listening.cancel()


async def _mqtt(devices: Devices, name: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    body = b"\x00\x04MQTT\x04\xc2\x00\x00" + b"".join(
        map(_text, (f"{devices.thing_id}-{name}", devices.thing_id, devices.thing_key))
    )
    reader, writer = await asyncio.open_connection(devices.host, devices.mqtt_port)
    writer.write(_frame(_CONNECT, body))
    if await reader.readexactly(4) != _CONNACK:
        raise LoadError("the broker did not let the device in")
    return reader, writer


async def _nats_device(
    devices: Devices,
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection(devices.host, devices.nats_port)
    await reader.readline()
    login = f'"user":"{devices.thing_id}","pass":"{devices.thing_key}"'
    writer.write(f'CONNECT {{"verbose":false,{login}}}\r\nPING\r\n'.encode())
    await reader.readuntil(b"PONG\r\n")
    return reader, writer


def _topic(devices: Devices) -> str:
    return f"channels/{devices.channel_id}/messages/bench"


def _frame(kind: int, body: bytes) -> bytes:
    length, rest = bytearray(), len(body)
    while True:
        rest, part = divmod(rest, 128)
        length.append(part | (0x80 if rest else 0))
        if not rest:
            return bytes([kind]) + bytes(length) + body


def _text(text: str) -> bytes:
    return struct.pack("!H", len(text)) + text.encode()


def _close(*writers: asyncio.StreamWriter) -> None:
    for writer in writers:
        writer.close()


DEVICE_ROWS = {"mqtt-login": _logins, "nats-message": _nats, "mqtt-qos0": _qos0, "mqtt-qos1": _qos1}
