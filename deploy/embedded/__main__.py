"""The command `supermq`: `up`, `status` and `reset`."""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from deploy.embedded import status
from deploy.embedded.errors import EmbeddedError
from deploy.embedded.folder import DataFolder
from deploy.embedded.platform import PART_NAMES, Platform
from deploy.embedded.record import end_leftovers
from deploy.embedded.services import SERVICES, ServiceSpec
from deploy.embedded.settings import Settings

EXIT_FAILED = 1
EXIT_NOT_RUNNING = 3


def main(arguments: Sequence[str] | None = None, specs: tuple[ServiceSpec, ...] = SERVICES) -> int:
    """Run the command and return its exit code.

    Args:
        arguments: The command line, that of this process unless given.
        specs: The services to run.
    """
    options = _parser(os.environ).parse_args(arguments)
    folder = DataFolder(options.data)
    try:
        match options.command:
            case "up":
                return asyncio.run(_up(folder, specs, tls=options.tls))
            case "status":
                return asyncio.run(_status(folder, as_json=options.json))
            case _:
                return _reset(folder, asked=options.yes)
    except (EmbeddedError, OSError) as error:
        print(f"supermq: {_one_line(error)}", file=sys.stderr)
        return EXIT_FAILED
    except KeyboardInterrupt:
        return EXIT_FAILED


async def _up(folder: DataFolder, specs: tuple[ServiceSpec, ...], *, tls: bool) -> int:
    with folder.claim():
        platform = Platform(folder, Settings(os.environ), specs, _report, tls=tls)
        loop = asyncio.get_running_loop()
        stop_signals = {signal.SIGINT, signal.SIGTERM}
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup sets it
            stop_signals.add(signal.SIGHUP)
        for number in stop_signals:
            loop.add_signal_handler(number, platform.ask_to_stop)
        await platform.run()
        _report("stopped", "the data stays in " + str(folder.path))
    return 0


async def _status(folder: DataFolder, *, as_json: bool) -> int:
    found = await status.look(folder, PART_NAMES)
    print(msgspec.json.encode(found).decode() if as_json else status.as_text(found))
    if found.pid is None:
        return EXIT_NOT_RUNNING
    return 0 if found.ready else EXIT_FAILED


def _reset(folder: DataFolder, *, asked: bool) -> int:
    if not folder.path.exists():
        print(f"there is nothing at {folder.path}")
        return 0
    with folder.held_for_removal():
        if not asked and not _confirm(f"Remove {folder.path} with all data and secrets?"):
            print("nothing was removed")
            return EXIT_FAILED
        end_leftovers(folder.record)
        folder.remove()
    print(f"removed {folder.path}")
    return 0


def _confirm(question: str) -> bool:
    try:
        return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        print()
        return False


def _report(name: str, text: str) -> None:
    try:
        print(f"{name:<12} {text}", flush=True)
    except BrokenPipeError:
        # Nobody reads any more (`supermq up | head`); that is no reason to stop.
        with Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())


def _one_line(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split())


def _parser(environment: Mapping[str, str]) -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        default=Path(environment.get("SMQ_DATA_DIR") or ".data"),
        help="the data folder (default: $SMQ_DATA_DIR or .data)",
    )
    parser = argparse.ArgumentParser(
        prog="supermq", description="The whole platform on this machine, with its own servers."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    up = commands.add_parser(
        "up", parents=[common], help="start everything and keep it running until Ctrl-C"
    )
    up.add_argument(
        "--tls", action="store_true", help="with nginx in front, on https://localhost:8443"
    )
    show = commands.add_parser(
        "status", parents=[common], help="what runs (exit code 0: all ready, 3: not running)"
    )
    show.add_argument("--json", action="store_true", help="for programs")
    reset = commands.add_parser("reset", parents=[common], help="remove the data folder")
    reset.add_argument("--yes", action="store_true", help="do not ask")
    return parser


if __name__ == "__main__":
    sys.exit(main())
