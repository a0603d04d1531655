"""Measuring begins on a quiet platform, and memory is counted once."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from bench.processes import cpu_per_request, kilobytes, memory_megabytes, wait_until_quiet


class Machine:
    """A clock that moves while somebody sleeps, and a platform that is busy for a while."""

    def __init__(self, busy_seconds: float) -> None:
        self.now = 100.0
        self._busy_until = self.now + busy_seconds

    def tell(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def used_seconds(self) -> float:
        return min(self.now, self._busy_until)


@pytest.mark.parametrize(("busy", "waited"), [(0.0, 0.5), (2.0, 2.5), (60.0, 10.0)])
def test_waits_until_a_window_is_quiet_or_the_time_is_over(busy: float, waited: float) -> None:
    machine = Machine(busy)

    wait_until_quiet(machine.used_seconds, machine.tell, machine.sleep, 10.0)

    assert machine.now - 100.0 == pytest.approx(waited)


def test_timers_of_an_idle_platform_are_quiet() -> None:
    machine = Machine(0.0)
    used: Iterator[float] = iter([5.0, 5.03])

    wait_until_quiet(lambda: next(used), machine.tell, machine.sleep, 10.0)

    assert machine.now - 100.0 == pytest.approx(0.5)


def test_cpu_is_shared_out_among_the_requests() -> None:
    before, after = {"things": 1.0, "nats": 2.0}, {"things": 1.5, "nats": 2.0}

    assert cpu_per_request(before, after, 1000) == {"things": 0.5, "nats": 0.0}


def test_no_request_is_no_division() -> None:
    assert cpu_per_request({"things": 1.0}, {"things": 1.5}, 0) == {"things": 500.0}


def test_a_figure_is_read_by_its_whole_name() -> None:
    text = "55d0-7ffe ---p 00000000 00:00 0    [rollup]\nPss_Dirty:  7 kB\nPss:    200 kB\n"

    assert kilobytes(text, "Pss") == 200
    assert kilobytes(text, "VmRSS") == 0


def test_this_process_holds_memory_and_one_that_is_gone_none() -> None:
    assert memory_megabytes(os.getpid()) > 1
    assert memory_megabytes(2**22 + 1) == 0.0
