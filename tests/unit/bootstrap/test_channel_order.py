"""Agents take the control channel from the first place and the data channel from the second."""

from __future__ import annotations

from itertools import permutations
from uuid import uuid4

import pytest

from services.bootstrap.domain import Channel, distinct, gateway_order

CONTROL = Channel(id=uuid4(), name="control", metadata={"type": "control"})
DATA = Channel(id=uuid4(), name="data", metadata={"type": "data"})
PLAIN = Channel(id=uuid4(), name="plain")
ODD = Channel(id=uuid4(), name="odd", metadata={"type": ["control"]})


@pytest.mark.parametrize("given", list(permutations([CONTROL, DATA, PLAIN, ODD])))
def test_control_is_first_and_data_second(given: tuple[Channel, ...]) -> None:
    others = [channel for channel in given if channel not in (CONTROL, DATA)]

    assert gateway_order(given) == (CONTROL, DATA, *others)


def test_a_second_control_channel_does_not_push_data_from_its_place() -> None:
    second = Channel(id=uuid4(), metadata={"type": "control"})

    assert gateway_order([CONTROL, second, DATA]) == (CONTROL, DATA, second)


@pytest.mark.parametrize("given", [(), (PLAIN, ODD), (CONTROL,), (DATA, PLAIN)])
def test_what_needs_no_change_stays(given: tuple[Channel, ...]) -> None:
    assert gateway_order(given) == given


def test_without_a_control_channel_data_is_first_where_agents_swap_it() -> None:
    assert gateway_order([PLAIN, ODD, DATA]) == (DATA, PLAIN, ODD)


def test_a_repeated_channel_keeps_its_first_place() -> None:
    assert distinct([PLAIN, DATA, PLAIN, CONTROL, DATA]) == (PLAIN, DATA, CONTROL)
