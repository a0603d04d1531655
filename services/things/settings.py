"""What the things service reads from its environment."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from msgspec import Meta

from shared.settings import Port, PositiveInt, ServiceSettings


class ThingsSettings(ServiceSettings, frozen=True, kw_only=True):
    """Settings of the things service, read from SMQ_THINGS_* variables."""

    http_port: Annotated[Port, Meta(description="Port to listen on.")] = 9000
    identify_cache_entries: Annotated[
        PositiveInt,
        Meta(description="Facts that a worker remembers about devices, some three for each."),
    ] = 200_000
    cache_key_duration: Annotated[
        timedelta,
        Meta(
            description="How long a worker remembers what a device may do. Changes are known at "
            "once; this bounds what a crash between a change and its announcement can hide."
        ),
    ] = timedelta(seconds=30)
