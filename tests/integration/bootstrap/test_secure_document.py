"""The page on the encrypted fetch is true: its client runs, and fits on a page."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from pathlib import Path

import msgspec

from tests.integration.bootstrap.conftest import FETCH_KEY
from tests.integration.bootstrap.mappings import Api, Mappings, make_channel, make_config

PAGE = Path("docs/secure-fetch.md").resolve()


def client_program() -> str:
    (program,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    return str(program)


async def run_client(api: Api, *label: str) -> tuple[int, bytes]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        client_program(),
        str(api.client.make_url("")).rstrip("/"),
        *label,
        env=os.environ | {"SMQ_BOOTSTRAP_ENCRYPT_KEY": FETCH_KEY},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    output, _ = await process.communicate()
    return process.returncode or 0, output


async def test_the_printed_client_fetches_and_decrypts(
    bootstrap_api: Api, mappings: Mappings
) -> None:
    config = await mappings.make(
        make_config(external_id="33:52/79 ü", channels=[make_channel("data", "data")])
    )

    code, output = await run_client(bootstrap_api, config.external_id, config.external_key)

    plain = await bootstrap_api.fetch(config.external_id, config.external_key)
    assert code == 0
    assert msgspec.json.decode(output) == await plain.json()


async def test_the_printed_client_gets_nothing_for_another_key(
    bootstrap_api: Api, mappings: Mappings
) -> None:
    config = await mappings.make()

    code, output = await run_client(bootstrap_api, config.external_id, "another-key")

    assert (code, output) == (1, b"")


def test_the_printed_client_is_short() -> None:
    assert len(client_program().strip().splitlines()) <= 30
