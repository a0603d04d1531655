"""Histograms of times that cost a small request next to nothing.

prometheus_client takes several locks for each time, which costs such a request some percent, and
more with several workers. So times are counted in plain numbers here and handed over when
somebody asks for metrics, and every few seconds for the other workers to see.
"""

from __future__ import annotations

from bisect import bisect_left

from prometheus_client import Histogram

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Timings:
    """The times of one child of a histogram with these buckets."""

    _all: list[Timings] = []  # noqa: RUF012 - one list for the process, as prometheus_client's

    def __init__(self, histogram: Histogram, *labels: str) -> None:
        self._child = histogram.labels(*labels)
        self._counts = [0] * (len(BUCKETS) + 1)
        self._sum = 0.0
        self._all.append(self)

    def add(self, seconds: float) -> None:
        """Count one."""
        self._counts[bisect_left(BUCKETS, seconds)] += 1
        self._sum += seconds

    @classmethod
    def hand_over(cls) -> None:
        """Let Prometheus see what was counted since the last time."""
        for each in cls._all:
            for place, count in enumerate(each._counts):
                if count:
                    each._child._buckets[place].inc(count)
                    each._counts[place] = 0
            if each._sum:
                each._child._sum.inc(each._sum)
                each._sum = 0.0
