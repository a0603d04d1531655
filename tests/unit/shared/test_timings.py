"""Times counted in plain numbers are the same to Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Histogram

from shared.timings import BUCKETS, Timings

TIMES = (0.0, 0.0004, 0.001, 0.0011, 0.3, 1, 29.9, 31, 400)


def test_they_are_what_prometheus_would_have_counted() -> None:
    registry = CollectorRegistry()
    plain = Histogram("plain", "Plain.", ["name"], registry=registry, buckets=BUCKETS)
    quick = Histogram("quick", "Quick.", ["name"], registry=registry, buckets=BUCKETS)
    timings = Timings(quick, "a")

    for seconds in TIMES:
        plain.labels("a").observe(seconds)
        timings.add(seconds)
    Timings.hand_over()
    Timings.hand_over()  # nothing is handed over twice

    def samples(histogram: Histogram) -> list[tuple[str, float]]:
        (family,) = histogram.collect()
        return [
            (sample.name.removeprefix(family.name) + sample.labels.get("le", ""), sample.value)
            for sample in family.samples
            if not sample.name.endswith("_created")
        ]

    assert samples(quick) == samples(plain)
