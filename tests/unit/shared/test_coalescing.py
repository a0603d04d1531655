"""Send when idle, collect while busy."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from shared.coalescing import Coalescer
from shared.errors import Conflict, Unavailable
from shared.logging import REQUEST_ID


class Work:
    """Doubles numbers, slowly if wanted, and remembers the groups it was given."""

    def __init__(self) -> None:
        self.groups: list[tuple[str, list[int]]] = []
        self.refused: set[int] = set()
        self.is_down = False
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, key: str, items: Sequence[int]) -> list[int]:
        self.groups.append((key, list(items)))
        await self.gate.wait()
        if self.is_down:
            raise Unavailable("down")
        if self.refused.intersection(items):
            raise Conflict("refused")
        return [2 * item for item in items]


@pytest.fixture
def work() -> Work:
    return Work()


async def test_a_single_call_goes_alone_and_at_once(work: Work) -> None:
    calls = Coalescer(work)

    assert await calls.call("a", 1) == 2
    assert work.groups == [("a", [1])]


async def test_calls_of_the_same_turn_go_together(work: Work) -> None:
    calls = Coalescer(work)

    assert await asyncio.gather(*(calls.call("a", n) for n in range(3))) == [0, 2, 4]
    assert work.groups == [("a", [0, 1, 2])]


async def test_what_comes_while_a_group_is_under_way_goes_together_afterwards(work: Work) -> None:
    calls = Coalescer(work)
    work.gate.clear()
    first = asyncio.create_task(calls.call("a", 1))
    await turn()
    later = [asyncio.create_task(calls.call("a", n)) for n in (2, 3)]
    await turn()
    work.gate.set()

    assert await asyncio.gather(first, *later) == [2, 4, 6]
    assert work.groups == [("a", [1]), ("a", [2, 3])]


async def test_keys_are_never_mixed_and_do_not_wait_for_each_other(work: Work) -> None:
    calls = Coalescer(work)
    work.gate.clear()
    both = [asyncio.create_task(calls.call(key, 1)) for key in ("a", "b")]
    await turn()

    assert work.groups == [("a", [1]), ("b", [1])]
    work.gate.set()
    await asyncio.gather(*both)


async def test_a_group_is_never_larger_than_allowed(work: Work) -> None:
    calls = Coalescer(work, largest=2)

    await asyncio.gather(*(calls.call("a", n) for n in range(5)))

    assert [group for _, group in work.groups] == [[0, 1], [2, 3], [4]]


async def test_a_refused_member_harms_nobody_else(work: Work) -> None:
    calls = Coalescer(work)
    work.refused = {1}

    answers = await asyncio.gather(*(calls.call("a", n) for n in range(3)), return_exceptions=True)

    assert answers[0] == 0
    assert isinstance(answers[1], Conflict)
    assert answers[2] == 4


async def test_what_is_unavailable_is_not_asked_again_for_each_member(work: Work) -> None:
    calls = Coalescer(work)
    work.is_down = True

    answers = await asyncio.gather(*(calls.call("a", n) for n in range(3)), return_exceptions=True)

    assert all(isinstance(answer, Unavailable) for answer in answers)
    assert len(work.groups) == 1


async def test_who_gave_up_waiting_is_not_worked_for(work: Work) -> None:
    calls = Coalescer(work)
    work.gate.clear()
    first = asyncio.create_task(calls.call("a", 1))
    await turn()
    second, third = (asyncio.create_task(calls.call("a", n)) for n in (2, 3))
    await turn()
    second.cancel()
    await turn()
    work.gate.set()

    assert [await first, await third] == [2, 6]
    assert work.groups == [("a", [1]), ("a", [3])]


async def test_nothing_is_kept_when_nobody_waits(work: Work) -> None:
    calls = Coalescer(work)

    await calls.call("a", 1)
    await turn()

    assert not calls._tasks
    assert not calls._waiting


async def turn() -> None:
    """Let everything that can run do so."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_group_is_told_of_its_first_call_not_of_who_began_the_work() -> None:
    told: list[str] = []
    go_on = asyncio.Event()

    async def run(_: str, items: Sequence[str]) -> Sequence[str]:
        told.append(REQUEST_ID.get())
        await go_on.wait()
        return items

    coalescer: Coalescer[str, str, str] = Coalescer(run)

    async def ask(request_id: str) -> str:
        REQUEST_ID.set(request_id)
        return await coalescer.call("key", request_id)

    first = asyncio.create_task(ask("first"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    others = [asyncio.create_task(ask(name)) for name in ("second", "third")]
    await asyncio.sleep(0)
    go_on.set()

    assert await asyncio.gather(first, *others) == ["first", "second", "third"]
    assert told == ["first", "second"]
