"""What wrk prints is read in full: times in any unit, refusals and broken connections."""

from __future__ import annotations

import pytest

from bench.load import LoadError, Result, percentile, read_wrk

PRINTED = """\
Running 1s test @ http://127.0.0.1:9000
  1 threads and 16 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.20s    11.00ms   2.00s    71.00%
  Latency Distribution
     50%  850.00us
     75%    1.10ms
     90%    1.90ms
     99%    1.25s
  1234 requests in 1.00s, 1.00MB read
"""


def test_times_are_milliseconds_whatever_their_unit() -> None:
    result, requests = read_wrk(PRINTED + "Requests/sec:   1230.50\n")

    assert result == Result(name="", per_second=1230.5, p50=0.85, p99=1250.0)
    assert requests == 1234


def test_refusals_and_broken_connections_are_errors() -> None:
    text = (
        PRINTED
        + "  Socket errors: connect 1, read 2, write 3, timeout 4\n"
        + "  Non-2xx or 3xx responses: 5\nRequests/sec:   1230.50\n"
    )

    assert read_wrk(text)[0].errors == 15


def test_what_is_no_result_is_told_as_it_is() -> None:
    with pytest.raises(LoadError, match="unable to connect"):
        read_wrk("unable to connect")


@pytest.mark.parametrize(
    ("times", "share", "expected"),
    [([], 0.99, 0.0), ([3.0], 0.99, 3.0), ([4.0, 1.0, 3.0, 2.0], 0.5, 3.0)],
)
def test_a_percentile_is_one_of_the_times(
    times: list[float], share: float, expected: float
) -> None:
    assert percentile(times, share) == expected
