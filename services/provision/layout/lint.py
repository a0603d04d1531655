"""`supermq-provision lint`: what the start would say of a file, without starting anything."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

import msgspec

from services.provision.layout.files import join_configuration_file, read_layout_file
from services.provision.layout.problems import Problem, Severity
from services.provision.settings import ProvisionSettings
from shared.settings import SettingsError, load_settings

CLEAN = 0
FAULTY = 1
UNUSABLE = 2


def lint(arguments: Sequence[str], output: TextIO) -> int:
    """Check files and print every problem.

    Args:
        arguments: What follows `lint` on the command line.

    Returns:
        The exit code: 0 without errors, 1 with, 2 if a file or the command line is unreadable.
    """
    options = _parser().parse_args(arguments)
    try:
        settings = load_settings(ProvisionSettings, service="provision")
    except SettingsError as error:
        for problem in error.problems:
            sys.stderr.write(f"supermq-provision: {problem}\n")
        return UNUSABLE
    problems = [
        problem for file in options.files for problem in _check(file, settings, options.layout)
    ]
    if options.output == "json":
        output.write(msgspec.json.format(msgspec.json.encode(problems)).decode() + "\n")
    else:
        output.write("".join(f"{problem}\n" for problem in problems))
    if any(problem.code == "unreadable" for problem in problems):
        return UNUSABLE
    counts = [problem for problem in problems if options.strict or _is_error(problem)]
    return FAULTY if counts else CLEAN


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="supermq-provision lint",
        description="Check configuration files and layouts, with the environment's settings.",
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--output", choices=["text", "json"], default="text")
    parser.add_argument("--strict", action="store_true", help="let warnings fail, too")
    parser.add_argument(
        "--layout",
        action="store_true",
        help="check as layouts of the folder; files in SMQ_PROVISION_LAYOUT_DIR are anyway",
    )
    return parser


def _check(file: Path, settings: ProvisionSettings, is_layout: bool) -> list[Problem]:
    if is_layout or _is_in_folder(file, settings):
        settings = join_configuration_file(settings)
        return read_layout_file(file, settings, is_whole=False).problems
    return read_layout_file(file, settings, is_whole=True).problems


def _is_in_folder(file: Path, settings: ProvisionSettings) -> bool:
    return (
        bool(settings.layout_dir)
        and file.resolve().parent == Path(settings.layout_dir).resolve()
        and file.resolve() != Path(settings.config_file).resolve()
    )


def _is_error(problem: Problem) -> bool:
    return problem.severity is Severity.ERROR
