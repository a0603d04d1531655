"""Runs an async command and prints what it answers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from cli.choices import Choices
from cli.output import show
from cli.session import open_session


def run_command(
    choices: Choices,
    command: Callable[..., Awaitable[Any]],
    arguments: Sequence[Any],
    values: Mapping[str, Any],
) -> int | None:
    """Open the platform, run the command, print; answers the exit code if it is not 0."""

    async def run() -> int | None:
        async with open_session(choices) as session:
            shown = await command(session, *arguments, **values)
            return shown if isinstance(shown, int) else await show(choices, shown)

    return asyncio.run(run())
