"""docs/layouts.md: its examples are good, and map to the plans it shows."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from services.provision.domain import Gateway, Layout
from services.provision.handlers.answers import plan_body
from services.provision.layout.reading import read_layout
from services.provision.plan import make_plan
from services.provision.settings import ProvisionSettings
from tests.unit.provision.test_plan import OWNER, counting

PAGE = Path("docs/layouts.md")
BLOCK = re.compile(r"^```(\w+) ?(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = [(kind, mark, text) for kind, mark, text in BLOCK.findall(PAGE.read_text())]
REQUEST = next(text for kind, mark, text in BLOCKS if mark == "request")
TOML = [(mark, text) for kind, mark, text in BLOCKS if kind == "toml"]
PLANS = [
    (text, following[2]) for (_, mark, text), following in pairwise(BLOCKS) if mark == "mapped"
]


def read(text: str, mark: str = "") -> Layout:
    reading = read_layout(
        text.encode(),
        file=str(PAGE),
        name="example",
        settings=ProvisionSettings(),
        is_whole=mark != "layout",
    )
    assert reading.problems == []
    assert reading.layout is not None
    return reading.layout


def plan(text: str) -> bytes:
    """What a dry run answers, with ids that count up."""
    gateway = msgspec.json.decode(REQUEST, type=Gateway)
    made = make_plan(read(text), gateway, owner_id=OWNER, new_id=counting())
    return msgspec.json.encode(plan_body(made, is_replay=False))


def test_the_page_has_examples() -> None:
    assert len(TOML) >= 9
    assert len(PLANS) == len([mark for mark, _ in TOML if mark == "mapped"]) >= 6


@pytest.mark.parametrize(("mark", "text"), TOML)
def test_every_example_is_clean(mark: str, text: str) -> None:
    read(text, mark)


@pytest.mark.parametrize(("text", "shown"), PLANS)
def test_every_plan_is_what_the_layout_makes(text: str, shown: str) -> None:
    assert json.loads(shown) == json.loads(plan(text))
