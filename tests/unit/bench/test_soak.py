"""What memory did is told by where it settled, where it ended and what it gained per minute."""

from __future__ import annotations

import pytest

from bench.soak import course_of


def test_a_start_that_fills_caches_is_no_slope() -> None:
    samples = [(second, min(second, 60.0)) for second in map(float, range(0, 301, 5))]

    course = course_of(samples)

    assert (course.settled, course.end, course.highest) == (60.0, 60.0, 60.0)
    assert course.slope == pytest.approx(0.0)


def test_a_leak_is_megabytes_per_minute() -> None:
    samples = [(second, 100.0 + second / 30) for second in map(float, range(0, 301, 5))]

    course = course_of(samples)

    assert course.slope == pytest.approx(2.0)
    assert course.settled == pytest.approx(102.0)


def test_a_peak_is_remembered() -> None:
    assert course_of([(0.0, 1.0), (5.0, 9.0), (10.0, 2.0)]).highest == 9.0


def test_one_sample_is_enough() -> None:
    course = course_of([(0.0, 7.0)])

    assert (course.settled, course.end, course.highest, course.slope) == (7.0, 7.0, 7.0, 0.0)
