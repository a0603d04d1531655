"""The linter's idea of what Agents can read is that of the Agents."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.provision.layout.agents import mismatches
from tests.agent.agent import GENERATIONS, Refused, read_answer

CHANNELS = [{"id": "c", "metadata": {"type": "control"}}, {"id": "d", "metadata": {"type": "data"}}]
NAMES = {"mainflux_": ("id", "key"), "thing_": ("id", "key"), "client_": ("id", "secret")}

values = (
    st.text(max_size=3)
    | st.booleans()
    | st.integers(-2, 5)
    | st.sampled_from([0.5, "30s", "1h30m", "30", "-1s", "0s", [], {}, [{}], ["x"]])
)


def tables(**members: Any) -> st.SearchStrategy[dict[str, Any]]:
    """Tables with any of the members, each of a kind that an Agent may or may not read."""
    return st.fixed_dictionaries({}, optional=members)


contents = tables(
    agent=values
    | tables(
        server=tables(port=values, broker_url=values),
        edgex=values,
        log=tables(level=values),
        mqtt=tables(url=values, qos=values, mtls=values, retain=values, unknown=values),
        heartbeat=tables(interval=values),
        terminal=tables(session_timeout=values),
    ),
    export=tables(
        exp=tables(cache_db=values, port=values),
        mqtt=tables(host=values, qos=values, mtls=values),
        routes=st.lists(tables(workers=values, type=values), max_size=2) | values,
    ),
    other=values,
)


def is_readable(content: dict[str, Any]) -> bool:
    """Whether every generation of Agents starts with this content."""
    answer: dict[str, Any] = {"channels": CHANNELS, "mainflux_channels": CHANNELS}
    for prefix, (identity, key) in NAMES.items():
        answer |= {prefix + identity: "i", prefix + key: "k"}
    answer["content"] = msgspec.json.encode(content).decode()
    try:
        for generation in GENERATIONS:
            read_answer(msgspec.json.encode(answer), generation)
    except Refused:
        return False
    return True


@settings(max_examples=60, deadline=None)
@given(content=contents)
def test_what_the_linter_finds_is_what_an_agent_refuses(content: dict[str, Any]) -> None:
    found = list(mismatches(content, ("bootstrap", "content")))

    assert (found == []) == is_readable(content)


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ({"agent": {"mqtt": {"qos": 3}}}, ("agent", "mqtt", "qos")),
        ({"agent": {"heartbeat": {}}}, ("agent", "heartbeat")),
        ({"export": {"routes": [{}, {"workers": "1"}]}}, ("export", "routes", 1, "workers")),
        ({"agent": {"mqtt": {"mtls": True}}}, ("agent", "mqtt", "mtls")),
    ],
)
def test_a_mismatch_names_its_place(content: dict[str, Any], place: tuple[str | int, ...]) -> None:
    (mismatch,) = mismatches(content, ())

    assert mismatch.path == place
