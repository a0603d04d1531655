"""Types the commands of a page into one bash, the way a reader would."""

import contextlib
import os
import re
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.guides import Guide, GuideError

PORT = re.compile(r"(?<=localhost:)\d+|(?<=_PORT=)\d+")

# The first command that fails ends the session, and takes along what it left in the background.
PROLOGUE = """\
set -e
trap 'kill $(jobs -p) 2>/dev/null || true' EXIT
"""


@dataclass(frozen=True, slots=True)
class Transcript:
    """What the shell said to each step it came to."""

    printed: tuple[str, ...]
    complaints: tuple[str, ...]
    exit_code: int


def use_ports(commands: str, ports: Mapping[int, int]) -> str:
    """Point commands to the ports in use instead of the printed ones.

    Raises:
        GuideError: They name another port, where somebody else's platform may listen.
    """

    def replace(match: re.Match[str]) -> str:
        printed = int(match.group())
        if printed not in ports:
            raise GuideError(f"no port to use instead of {printed}")
        return str(ports[printed])

    return PORT.sub(replace, commands)


def run_guide(
    guide: Guide,
    *,
    ports: Mapping[int, int],
    paths: Mapping[str, Path],
    environment: Mapping[str, str],
    folder: Path,
    working_folder: Path,
    timeout_seconds: float,
) -> Transcript:
    """Run all steps of a page, up to the first command that fails.

    Args:
        ports: Which port to use instead of each printed one.
        paths: Which folder to use instead of each printed one, such as `.venv/bin`.
        folder: An empty folder for the commands and what they print.
        working_folder: Where the reader would stand, the root of the repository.

    Raises:
        TimeoutError: The page did not come to its end in time; everything it started is gone.
    """
    script = PROLOGUE
    for number, step in enumerate(guide.steps):
        commands = use_ports(step.commands, ports)
        for printed, path in paths.items():
            commands = commands.replace(f"{printed}/", f"{path}/")
        (folder / f"{number}.sh").write_text(commands)
        script += f". '{folder}/{number}.sh' >'{folder}/{number}.out' 2>'{folder}/{number}.err'\n"
    (folder / "session.sh").write_text(script)

    exit_code = _run_in_own_group(
        ["bash", str(folder / "session.sh")],
        environment=environment,
        working_folder=working_folder,
        timeout_seconds=timeout_seconds,
    )
    numbers = [number for number in range(len(guide.steps)) if (folder / f"{number}.out").exists()]
    return Transcript(
        # Bytes, because reading as text would turn the line ends of HTTP into others.
        printed=tuple((folder / f"{number}.out").read_bytes().decode() for number in numbers),
        complaints=tuple((folder / f"{number}.err").read_text() for number in numbers),
        exit_code=exit_code,
    )


def _run_in_own_group(
    command: list[str],
    *,
    environment: Mapping[str, str],
    working_folder: Path,
    timeout_seconds: float,
) -> int:
    process = subprocess.Popen(
        command,
        env=dict(environment),
        cwd=working_folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        return process.wait(timeout_seconds)
    except subprocess.TimeoutExpired:
        raise TimeoutError(f"not at its end after {timeout_seconds} s") from None
    finally:
        _end_group(process)


def _end_group(process: subprocess.Popen[bytes]) -> None:
    # Usually nobody of the group is left, as it should be.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
