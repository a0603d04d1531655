"""What the HTTP adapter reads from its environment."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from msgspec import Meta

from shared.settings import Port, PositiveFloat, PositiveInt, ServiceSettings


class HttpAdapterSettings(ServiceSettings, frozen=True, kw_only=True):
    """Settings of the HTTP adapter, read from SMQ_HTTP_ADAPTER_* variables."""

    http_port: Annotated[
        Port, Meta(description="Port to listen on.", extra={"variables": ["HTTP_ADAPTER_PORT"]})
    ] = 8008
    nats_url: Annotated[
        str,
        Meta(
            description="NATS server for messages, with a user of the account that devices are in.",
            extra={"variables": ["NATS_URL", "BROKER_URL"], "secret": True},
        ),
    ] = "nats://localhost:4222"
    things_url: Annotated[
        str, Meta(description="Where things answers.", extra={"variables": ["THINGS_URL"]})
    ] = "http://localhost:9000"
    things_timeout_seconds: Annotated[
        PositiveFloat, Meta(description="How long things may take to decide.")
    ] = 5.0
    cache_entries: Annotated[
        PositiveInt, Meta(description="Things in channels whose permission a worker remembers.")
    ] = 100_000
    cache_key_duration: Annotated[
        timedelta,
        Meta(
            description="How long a permission is remembered. Changes are known at once; this "
            "bounds what a crash between a change and its announcement can hide."
        ),
    ] = timedelta(seconds=30)
