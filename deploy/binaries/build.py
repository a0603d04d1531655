"""Builds the single file and its names: `python -m deploy.binaries.build [FOLDER]`.

Takes the libraries from the virtual environment it runs in, so that nothing is downloaded and what
was tested is what is packed.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from configparser import ConfigParser
from email.parser import Parser
from pathlib import Path

from packaging.requirements import Requirement

_ROOT = Path(__file__).resolve().parents[2]
_PROJECT = ("pyproject.toml", "README.md", "LICENSE", "services", "shared", "deploy", "cli")
_IGNORED = shutil.ignore_patterns("__pycache__", "*.egg-info")


def main(arguments: Sequence[str] | None = None) -> int:
    """Build; answers the exit code."""
    parser = argparse.ArgumentParser(prog="deploy.binaries.build")
    parser.add_argument("folder", nargs="?", type=Path, default=_ROOT / "build")
    parser.add_argument("--quick", action="store_true", help="for tests: without servers")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="supermq-build-") as scratch:
        try:
            _build(options.folder, Path(scratch), quick=options.quick)
        except subprocess.CalledProcessError as error:
            return int(error.returncode)
    return 0


def _build(folder: Path, scratch: Path, *, quick: bool) -> None:
    content = scratch / "content"
    with zipfile.ZipFile(_wheel(scratch)) as wheel:
        wheel.extractall(content)
    # What the front door of `supermq up --tls` is made from.
    shutil.copytree(_ROOT / "nginx/templates", content / "nginx/templates")
    (information,) = content.glob("*.dist-info")
    file = scratch / "supermq"
    _run(
        "pex",
        "--pre",  # parts of OpenTelemetry call themselves betas
        *(["--no-compress"] if quick else []),
        "--venv=prepend",
        "--sh-boot",
        f"--venv-repository={sys.prefix}",
        f"--sources-directory={content}",
        "--entry-point=deploy.binaries.__main__:main",
        f"--output-file={file}",
        *_requirements(information, extra="" if quick else "embedded"),
    )
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / "supermq"
    shutil.move(file, target)
    for name in _commands(information) - {target.name}:
        (folder / name).unlink(missing_ok=True)
        (folder / name).hardlink_to(target)


def _wheel(scratch: Path) -> Path:
    """The project's wheel, made of a copy: setuptools leaves drafts behind, and packs old ones."""
    project = scratch / "project"
    project.mkdir()
    for name in _PROJECT:
        source = _ROOT / name
        if source.is_dir():
            shutil.copytree(source, project / name, ignore=_IGNORED)
        elif source.exists():
            shutil.copy(source, project / name)
    options = ("--quiet", "--no-deps", "--no-index", "--no-build-isolation")
    _run("pip", "wheel", *options, f"--wheel-dir={scratch}", str(project))
    (wheel,) = scratch.glob("*.whl")
    return wheel


def _requirements(information: Path, extra: str) -> list[str]:
    """What the project runs with."""
    metadata = Parser().parsestr((information / "METADATA").read_text())
    wanted = []
    for text in metadata.get_all("Requires-Dist", []):
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
            requirement.marker = None
            wanted.append(str(requirement))
    return wanted


def _commands(information: Path) -> set[str]:
    scripts = ConfigParser()
    scripts.read(information / "entry_points.txt")
    return set(scripts["console_scripts"])


def _run(module: str, *arguments: str) -> None:
    subprocess.run([sys.executable, "-m", module, *arguments], check=True)


if __name__ == "__main__":
    sys.exit(main())
