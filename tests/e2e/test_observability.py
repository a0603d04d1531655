"""What the running platform tells about itself: one trace through all services, logs, metrics."""

from __future__ import annotations

import json
import os
import signal
from secrets import token_hex
from typing import Any

import aiohttp
import pytest

from deploy.embedded.record import read_record
from tests.e2e.collector import Collector
from tests.e2e.running import Platform
from tests.waiting import eventually

pytestmark = pytest.mark.xdist_group("e2e")

SECRET = "a secret nobody may read"
SERVED = {
    ("supermq-provision", "POST /mapping"),
    ("supermq-things", "DELETE /things/{thing_id}"),
}
SERVICES = {f"supermq-{name}" for name in ("users", "things", "bootstrap", "provision")}
CALLED = {
    ("supermq-provision", "things"),
    ("supermq-provision", "bootstrap"),
    ("supermq-provision", "users"),
    ("supermq-provision", "postgresql"),
}
FOLLOWED = {
    ("supermq-provision", "events.things.thing.deleted"),
    ("supermq-bootstrap", "events.things.thing.deleted"),
}


class Caller:
    """Somebody whose calls belong to one trace."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.trace_id = token_hex(16)
        self._session = session
        self._headers = {"traceparent": f"00-{self.trace_id}-{token_hex(8)}-01"}

    async def log_in(self, platform: Platform) -> None:
        account = {"identity": f"{token_hex(4)}@example.com", "secret": SECRET}
        await self.send("POST", f"{platform.users}/users", {"credentials": account})
        tokens = await self.send("POST", f"{platform.users}/users/tokens/issue", account)
        self._headers["Authorization"] = f"Bearer {tokens['access_token']}"

    @property
    def secrets(self) -> set[str]:
        return {SECRET, self._headers["Authorization"].removeprefix("Bearer ")}

    async def send(self, method: str, url: str, body: Any = None) -> Any:
        async with self._session.request(method, url, json=body, headers=self._headers) as answer:
            assert answer.status < 300, await answer.text()
            return await answer.json() if answer.content_type == "application/json" else None


async def map_gateway(caller: Caller, platform: Platform) -> Any:
    gateway = {"external_id": token_hex(6), "external_key": SECRET}
    return await caller.send("POST", f"{platform.provision}/mapping", gateway)


async def test_a_mapping_and_what_follows_it_is_one_trace_without_secrets(
    platform: Platform, collector: Collector
) -> None:
    async with aiohttp.ClientSession() as session:
        caller = Caller(session)
        await caller.log_in(platform)
        mapping = await map_gateway(caller, platform)
        thing = mapping["things"][0]
        await caller.send("DELETE", f"{platform.things}/things/{thing['id']}")

        def kinds(kind: str) -> set[tuple[str, str]]:
            spans = collector.spans(caller.trace_id)
            return {(span.service, span.name) for span in spans if span.kind == kind}

        async def is_whole() -> bool:
            served = kinds("SPAN_KIND_SERVER")
            return (
                served >= SERVED
                and {service for service, _ in served} == SERVICES
                and kinds("SPAN_KIND_CLIENT") >= CALLED
                and kinds("SPAN_KIND_CONSUMER") >= FOLLOWED
            )

        await eventually(is_whole, within_seconds=30, what="the whole trace")

    sent = b"".join(collector.bodies)
    for secret in {*caller.secrets, thing["key"]}:
        assert secret.encode() not in sent


async def test_every_service_logs_a_call_with_its_request_and_its_trace(
    platform: Platform,
) -> None:
    names = ("users", "things", "bootstrap", "provision")
    async with aiohttp.ClientSession() as session:
        caller = Caller(session)
        await caller.log_in(platform)

        await map_gateway(caller, platform)

    def lines_of(name: str) -> list[dict[str, Any]]:
        texts = (platform.data / "logs" / f"{name}.log").read_text().splitlines()
        lines = [json.loads(text) for text in texts if text.startswith("{")]
        return [line for line in lines if line.get("trace_id") == caller.trace_id]

    async def are_written() -> bool:
        requests = [{line["request_id"] for line in lines_of(name)} for name in names]
        return bool(set.intersection(*requests))

    await eventually(are_written, within_seconds=30, what="lines of one request in all logs")
    told = json.dumps([lines_of(name) for name in names])
    assert not [secret for secret in caller.secrets if secret in told]


async def test_the_log_level_changes_while_a_service_runs(platform: Platform) -> None:
    record = read_record(platform.data / "run.json")
    assert record is not None
    (bootstrap,) = [part for part in record.parts if part.name == "bootstrap"]
    assert bootstrap.identity is not None
    pid = bootstrap.identity.pid
    log = platform.data / "logs" / "bootstrap.log"

    async def send(number: signal.Signals, level: str) -> None:
        before = log.stat().st_size

        async def is_told() -> bool:
            return f'"log_level":"{level}"' in log.read_bytes()[before:].decode()

        os.kill(pid, number)
        await eventually(is_told, within_seconds=30, what=f"log level {level}")

    async def request() -> str:
        request_id = token_hex(8)
        url, headers = f"{platform.bootstrap}/nowhere", {"X-Request-Id": request_id}
        async with aiohttp.ClientSession() as session, session.get(url, headers=headers):
            return request_id

    await send(signal.SIGUSR2, "warning")
    unseen = await request()
    await send(signal.SIGUSR1, "info")
    seen = await request()

    async def is_logged() -> bool:
        return seen in log.read_text()

    await eventually(is_logged, within_seconds=30, what="the line of the second request")
    assert unseen not in log.read_text()


async def test_metrics_show_calls_to_what_a_service_leans_on(platform: Platform) -> None:
    async with aiohttp.ClientSession() as session:
        caller = Caller(session)
        await caller.log_in(platform)
        await map_gateway(caller, platform)

        async def is_complete() -> bool:
            async with session.get(f"{platform.provision}/metrics") as answer:
                text = await answer.text()
            return all(part in text for part in wanted)

        wanted = [
            'http_request_duration_seconds_count{method="POST",route="/mapping",status="201"}',
            *(
                f'dependency_call_duration_seconds_count{{dependency="{name}",outcome="ok"}}'
                for name in ("postgresql", "nats", "users", "things", "bootstrap")
            ),
            'dependency_up{dependency="postgres"} 1.0',
            'postgresql_pool{state="waiting"}',
            "outbox_waiting",
            "mappings_stuck 0.0",
        ]
        await eventually(is_complete, within_seconds=30, what="the metrics")
