"""The configuration file and the folder of further layouts.

Keys, their spellings and what wins over what are those of the original, so that its users' files
work unchanged; docs/layouts.md lists them.
"""

from __future__ import annotations

from pathlib import Path

import structlog
from msgspec import Struct

from services.provision.domain import DEFAULT_LAYOUT, Layout, LayoutError
from services.provision.layout.problems import Problem, Problems, Severity
from services.provision.layout.reading import Reading, read_layout
from services.provision.settings import ProvisionSettings

logger = structlog.get_logger(__name__)

SUFFIX = ".toml"


class Configuration(Struct, frozen=True):
    """What the files and the environment come to.

    Attributes:
        settings: The environment's, with the configuration file's over them.
        layout: The configuration file's.
        further: The folder's, by name.
        warnings: What is odd in the files, though they can be used.
        has_file: Whether there is a configuration file.
    """

    settings: ProvisionSettings
    layout: Layout
    further: tuple[Layout, ...] = ()
    warnings: tuple[Problem, ...] = ()
    has_file: bool = True

    @property
    def layouts(self) -> tuple[Layout, ...]:
        """All of them, the default one first."""
        return (self.layout, *self.further)


def read_configuration(settings: ProvisionSettings) -> Configuration:
    """Join the configuration file and the folder's layouts with the environment's settings.

    A value in the file wins, an explicit `false` too, but not empty text; lists that are missing
    fall back to the built-in layout of one thing with a control and a data channel.

    Raises:
        LayoutError: Naming everything that is wrong in any of the files.
    """
    default = _read_configuration_file(settings)
    readings = [default, *_read_folder(default.settings)]
    problems = [problem for reading in readings for problem in reading.problems]
    layouts = tuple(reading.layout for reading in readings if reading.layout is not None)
    if len(layouts) < len(readings):
        errors = [problem for problem in problems if problem.severity is Severity.ERROR]
        raise LayoutError([str(error) for error in errors])
    return Configuration(
        default.settings,
        layout=layouts[0],
        further=layouts[1:],
        warnings=tuple(problems),
        has_file=Path(settings.config_file).exists(),
    )


def join_configuration_file(settings: ProvisionSettings) -> ProvisionSettings:
    """What counts where a layout of the folder says nothing."""
    return _read_configuration_file(settings).settings


def log_warnings(configuration: Configuration) -> None:
    """Tell the operator what is odd."""
    if not configuration.has_file:
        logger.info(
            "configuration_file_missing",
            file=configuration.settings.config_file,
            layout="built-in",
        )
    for problem in configuration.warnings:
        logger.warning(
            "layout_warning",
            file=problem.file,
            line=problem.line,
            column=problem.column,
            code=problem.code,
            problem=problem.message,
            advice=problem.advice,
        )


def read_layout_file(path: Path, settings: ProvisionSettings, *, is_whole: bool) -> Reading:
    """Read one file as what it is, the configuration file or a layout of the folder."""
    try:
        data = path.read_bytes()
    except OSError as error:
        return _unreadable(str(path), error.strerror or "cannot be read", settings)
    name = DEFAULT_LAYOUT if is_whole else path.name.removesuffix(SUFFIX)
    if not is_whole and name == DEFAULT_LAYOUT:
        problems = Problems(str(path))
        problems.error(
            "reserved-name",
            f"{name!r} is the configuration file's layout",
            "give the file another name",
        )
        return Reading(settings=settings, layout=None, problems=problems.in_order())
    return read_layout(data, file=str(path), name=name, settings=settings, is_whole=is_whole)


def _read_configuration_file(settings: ProvisionSettings) -> Reading:
    path = Path(settings.config_file)
    if path.exists():
        return read_layout_file(path, settings, is_whole=True)
    return read_layout(b"", file=str(path), name=DEFAULT_LAYOUT, settings=settings, is_whole=True)


def _read_folder(settings: ProvisionSettings) -> list[Reading]:
    """The folder's layouts in the order of their names; hidden files are left alone."""
    if not settings.layout_dir:
        return []
    folder = Path(settings.layout_dir)
    if not folder.is_dir():
        return [_unreadable(settings.layout_dir, "is not a folder", settings)]
    configuration_file = Path(settings.config_file).resolve()
    return [
        read_layout_file(file, settings, is_whole=False)
        for file in sorted(folder.glob(f"*{SUFFIX}"))
        if not file.name.startswith(".") and file.resolve() != configuration_file
    ]


def _unreadable(file: str, reason: str, settings: ProvisionSettings) -> Reading:
    problems = Problems(file)
    problems.error("unreadable", reason, "check SMQ_PROVISION_CONFIG_FILE and …_LAYOUT_DIR")
    return Reading(settings=settings, layout=None, problems=problems.in_order())
