"""Two runs side by side, also with one that was kept before CPU was."""

from __future__ import annotations

import msgspec

from bench.compare import line
from bench.load import Result

OLD = Result(name="list", per_second=100.0, p99=8.0, cpu={"things": 0.3, "postgres": 0.1})
NEW = Result(name="list", per_second=150.0, p99=6.0, cpu={"things": 0.1, "postgres": 0.1})


def test_rate_and_cpu_are_compared() -> None:
    assert line(OLD, NEW).split() == [
        *("list", "100", "150", "1.50"),
        *("8.00", "6.00"),
        *("0.400", "0.200", "0.50"),
    ]


def test_cpu_is_left_out_where_one_run_does_not_know_it() -> None:
    kept = b'{"name":"list","per_second":100.0,"p50":1.0,"p99":8.0,"errors":0}'

    assert line(msgspec.json.decode(kept, type=Result), NEW).split()[-1] == "6.00"


def test_a_row_that_did_nothing_has_no_ratio() -> None:
    assert line(Result(name="list", per_second=0.0), NEW).split()[3] == "-"
