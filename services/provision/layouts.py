"""The layouts that requests can ask for, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import structlog

from services.provision.domain import (
    DEFAULT_LAYOUT,
    Layout,
    LayoutError,
    LayoutNotFound,
    UnknownLayout,
)

logger = structlog.get_logger(__name__)


class LayoutBook:
    """Holds the layouts until others are read in their place.

    Args:
        layouts: The default one among them.
        read: Reads them again; raises LayoutError.
    """

    def __init__(self, layouts: Iterable[Layout], read: Callable[[], Iterable[Layout]]) -> None:
        self._layouts = _by_name(layouts)
        self._read = read

    def get(self, name: str) -> Layout:
        """A layout by its name, the default one for an empty name; raises UnknownLayout."""
        layout = self._layouts.get(name or DEFAULT_LAYOUT)
        if layout is None:
            raise UnknownLayout(name)
        return layout

    def find(self, name: str) -> Layout:
        """A layout by its exact name; raises LayoutNotFound."""
        layout = self._layouts.get(name)
        if layout is None:
            raise LayoutNotFound(f"there is no layout {name!r}")
        return layout

    def list_page(self, offset: int, limit: int) -> tuple[int, list[Layout]]:
        """How many there are, and a part of them, the default one first."""
        layouts = list(self._layouts.values())
        return len(layouts), layouts[offset : offset + limit]

    def reload(self) -> None:
        """Read everything again; if anything is wrong, all layouts stay as they are.

        Mappings that are running have their plan already and are not touched.
        """
        try:
            layouts = _by_name(self._read())
        except LayoutError as error:
            for problem in error.problems:
                logger.error("layouts_not_reloaded", problem=problem)  # noqa: TRY400
            return
        self._layouts = layouts
        logger.info(
            "layouts_reloaded",
            layouts={layout.name: layout.version for layout in layouts.values()},
        )


def _by_name(layouts: Iterable[Layout]) -> dict[str, Layout]:
    return {layout.name: layout for layout in layouts}
