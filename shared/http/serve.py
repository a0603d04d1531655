"""Runs a service: one process, or several that share the port."""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import shutil
import signal
import ssl
import sys
import tempfile
from collections.abc import Callable, Sequence
from typing import TypeVar

import uvloop
from aiohttp import web

from shared.logging import change_level, configure_logging
from shared.postgres import resealing
from shared.postgres.migrate import MigrationError, migrate
from shared.postgres.resealing import SealedTable
from shared.settings import ServiceSettings, SettingsError, load_settings
from shared.tracing import collecting

SettingsT = TypeVar("SettingsT", bound=ServiceSettings)
RELOAD: web.AppKey[Callable[[], None]] = web.AppKey("reload")
"""What a service does on SIGHUP, if it registers something."""

_WORKER = "SMQ_WORKER"
_LOG_STEPS = {signal.SIGUSR1: 1, signal.SIGUSR2: -1}
_PASSED_ON = {signal.SIGHUP, *_LOG_STEPS}
_STOP_SECONDS = 30.0
_COLLECTED_AFTER = (10_000, 10, 10)  # Python's 700 is half a mapping's objects: 4 % of provision


def run_service(
    service: str,
    settings_type: type[SettingsT],
    create_app: Callable[[SettingsT], web.Application],
    *,
    refine: Callable[[SettingsT], SettingsT] = lambda settings: settings,
    has_database: bool = True,
    sealed: Sequence[SealedTable] = (),
) -> int:
    """The whole of a service's command: `serve` (default), `migrate` or `reseal`.

    Args:
        refine: Completes the environment's settings, from a configuration file for example, for
            what is done here. `create_app` is given the environment's, and completes them itself.
        has_database: Whether there is anything to migrate.
        sealed: What its database holds under key.

    Returns:
        The exit code: 0, or 1 after a line on standard error that says what is wrong.
    """
    parser = argparse.ArgumentParser(prog=f"supermq-{service}")
    commands = ["serve", *(["migrate", "reseal"] if has_database else [])]
    parser.add_argument("command", nargs="?", choices=commands, default="serve")
    command, *options = sys.argv[1:] or ["serve"]
    if command != "reseal" or not has_database:
        command, options = parser.parse_args().command, []
    try:
        given = load_settings(settings_type, service=service)
        settings = refine(given)
        configure_logging(service, settings.log_level)
        if command == "reseal":
            return resealing.main(service, settings, sealed, options)
        for number, steps in _LOG_STEPS.items():
            signal.signal(number, lambda *_, steps=steps: change_level(steps))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _LOG_STEPS)
        is_worker = _WORKER in os.environ
        is_due = command == "migrate" or (settings.auto_migrate and not is_worker)
        if has_database and is_due:
            migrated = _apart(lambda: _migrate(service, settings))
            if migrated != 0:
                return migrated
        if command == "serve":
            if settings.workers > 1 and not is_worker:
                return asyncio.run(_supervise(service, settings.workers))
            with collecting(service):
                uvloop.run(_serve(create_app(given), settings, shared_port=is_worker))
    except SettingsError as error:
        return _fail(service, error.problems)
    except (OSError, StartError) as error:
        return _fail(service, [str(error)])
    return 0


def _migrate(service: str, settings: ServiceSettings) -> int:
    try:
        asyncio.run(migrate(service, settings))
    except (MigrationError, OSError) as error:
        return _fail(service, [str(error)])
    return 0


def _apart(work: Callable[[], int]) -> int:
    """Do something at the start in a process of its own; answers its exit code.

    What it imported and allocated is gone afterwards: Alembic is a third of a service's memory.
    """
    sys.stdout.flush()
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    code = 1
    try:
        code = work()
        sys.stdout.flush()
    finally:
        os._exit(code)


class StartError(Exception):
    """The service cannot start; the text says why."""


async def _serve(app: web.Application, settings: ServiceSettings, *, shared_port: bool) -> None:
    """Listen until SIGINT or SIGTERM, then finish the requests that were accepted."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if RELOAD in app:
        loop.add_signal_handler(signal.SIGHUP, app[RELOAD])
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_STOP_SECONDS)
    await runner.setup()
    try:
        site = web.TCPSite(
            runner,
            settings.http_host or None,
            settings.http_port,
            reuse_port=shared_port or None,
            ssl_context=_tls(settings),
        )
        await site.start()
        gc.freeze()
        gc.set_threshold(*_COLLECTED_AFTER)
        await stop.wait()
    finally:
        await runner.cleanup()


def _tls(settings: ServiceSettings) -> ssl.SSLContext | None:
    if not settings.http_server_cert:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(settings.http_server_cert, settings.http_server_key or None)
    return context


async def _supervise(service: str, workers: int) -> int:
    """Start the workers, pass signals on, and stop all when one of them dies."""
    # Workers inherit this, so that a signal waits for one that is not ready for it yet.
    signal.pthread_sigmask(signal.SIG_BLOCK, _PASSED_ON)
    folder = tempfile.mkdtemp(prefix=f"supermq-{service}-metrics-")
    environment = os.environ | {_WORKER: "1", "PROMETHEUS_MULTIPROC_DIR": folder}
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    children = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-m", f"services.{service}", env=environment, start_new_session=True
        )
        for _ in range(workers)
    ]
    for number in _PASSED_ON:
        loop.add_signal_handler(number, _pass_on, number, children)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _PASSED_ON)
    waits = [asyncio.ensure_future(child.wait()) for child in children]
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait([*waits, stopping], return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    for child in children:
        if child.returncode is None:
            child.terminate()
    codes = await asyncio.gather(*waits)
    shutil.rmtree(folder, ignore_errors=True)
    return 0 if stop.is_set() else max(1, *codes)


def _pass_on(number: int, children: list[asyncio.subprocess.Process]) -> None:
    for child in children:
        if child.returncode is None:
            child.send_signal(number)


def _fail(service: str, problems: list[str]) -> int:
    for problem in problems:
        sys.stderr.write(f"supermq-{service}: {problem}\n")
    return 1
