"""A full database is judged by what it costs, not by what else the machine does."""

from __future__ import annotations

import pytest

from bench.growth import Change, compare
from bench.load import Result
from bench.rows import Row

CEILING = Row(name="empty-get", url="empty", path="")
LIST = Row(name="list", url="things", path="", ceiling="empty-get", growth=1.2)


def compare_list(*, ceiling: float, rate: float) -> Change:
    """The list once at 100 a second beside a ceiling of 1,000, and once as given."""
    empty = [Result(name="empty-get", per_second=1000.0), Result(name="list", per_second=100.0)]
    full = [Result(name="empty-get", per_second=ceiling), Result(name="list", per_second=rate)]
    return compare([CEILING, LIST], empty, full)[1]


def test_a_slower_row_is_below() -> None:
    change = compare_list(ceiling=1000.0, rate=80.0)

    assert change.ratio() == pytest.approx(0.8)
    assert change.is_below()


def test_a_row_within_its_bound_is_not() -> None:
    assert not compare_list(ceiling=1000.0, rate=84.0).is_below()


def test_a_slower_machine_is_not_the_fault_of_the_row() -> None:
    change = compare_list(ceiling=500.0, rate=50.0)

    assert change.ratio() == pytest.approx(1.0)
    assert not change.is_below()


def test_a_faster_machine_hides_nothing() -> None:
    assert compare_list(ceiling=2000.0, rate=100.0).is_below()


def test_ceilings_have_no_bound() -> None:
    empty = [Result(name="empty-get", per_second=1000.0), Result(name="pgbench", per_second=10.0)]
    full = [Result(name="empty-get", per_second=1.0), Result(name="pgbench", per_second=1.0)]
    rows = [CEILING, Row(name="map", url="", path="", ceiling="pgbench")]

    assert not any(change.is_below() for change in compare(rows, empty, full))


def test_what_only_a_full_database_has_is_not_compared() -> None:
    full = [Result(name="empty-get", per_second=1.0), Result(name="deep", per_second=1.0)]

    names = [change.full.name for change in compare([CEILING], full[:1], full)]

    assert names == ["empty-get"]


def test_cpu_is_compared_over_all_parts() -> None:
    empty = Result(name="list", per_second=1.0, cpu={"things": 0.5, "postgres": 0.5})
    full = Result(name="list", per_second=1.0, cpu={"things": 0.5, "postgres": 1.0})

    change = Change(empty=empty, full=full, ceiling=1.0, bound=0.8)

    assert change.cpu_ratio() == pytest.approx(1.5)
    assert change.is_dearer()
    assert not change.is_below()
