"""What commands answer: facts, without any thought of how they are printed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cli.views import View

if TYPE_CHECKING:
    from msgspec import Struct

BIGGEST_PAGE = 100


@dataclass(frozen=True)
class Item:
    """One object.

    Attributes:
        say: For a person on a terminal, in place of the object's members.
    """

    body: Any
    view: View | None = None
    say: str = ""


@dataclass(frozen=True)
class Part:
    """Which part of a list is wanted.

    Attributes:
        everything: Whether to go on to the end, page by page.
    """

    offset: int = 0
    limit: int = 10
    everything: bool = False


@dataclass(frozen=True)
class Items:
    """A list, page by page as it is asked for.

    Attributes:
        fetch: Answers the page at an offset, of at most so many.
    """

    view: View
    fetch: Callable[[int, int], Awaitable[Struct]]
    part: Part = Part()

    async def pages(self) -> AsyncIterator[dict[str, Any]]:
        """The pages, as JSON values."""
        from msgspec import to_builtins

        offset = 0 if self.part.everything else self.part.offset
        limit = BIGGEST_PAGE if self.part.everything else self.part.limit
        while True:
            page: dict[str, Any] = to_builtins(await self.fetch(offset, limit))
            yield page
            offset += limit
            if not self.part.everything or offset >= page["total"]:
                return


@dataclass(frozen=True)
class Text:
    """A single value, printed bare for scripts.

    Attributes:
        body: What JSON shows instead.
        label: Written before it on a terminal.
    """

    text: str
    body: Any
    label: str = ""


@dataclass(frozen=True)
class Page:
    """Something made for reading; scripts get the object.

    Attributes:
        lines: As plain text.
        code: The exit code.
    """

    body: Any
    lines: list[str]
    view: View | None = None
    code: int = 0


@dataclass(frozen=True)
class Done:
    """Something was done that has no answer; only a person on a terminal is told."""

    fact: str


@dataclass(frozen=True)
class Rows:
    """A list that is there as a whole.

    Attributes:
        code: The exit code.
    """

    view: View
    items: list[dict[str, Any]] = field(default_factory=list)
    code: int = 0


Shown = Item | Items | Text | Page | Done | Rows
