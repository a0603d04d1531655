"""What the journal seals: small, and readable whoever wrote it."""

from __future__ import annotations

from uuid import UUID, uuid4

import msgspec

from services.provision.plan import Plan, make_plan
from services.provision.repository.sealed import packed, unpacked
from tests.unit.provision.world import GATEWAY, LAYOUT


def a_plan() -> Plan:
    return make_plan(LAYOUT, GATEWAY, owner_id=uuid4(), new_id=uuid4)


def test_what_was_packed_is_there_again() -> None:
    plan, keys = a_plan(), {uuid4(): "key"}

    assert unpacked(packed(plan), Plan) == plan
    assert unpacked(packed(keys), dict[UUID, str]) == keys


def test_a_packed_plan_is_less_than_half_as_long() -> None:
    plan = a_plan()

    assert len(packed(plan)) < len(msgspec.json.encode(plan)) / 2


def test_what_was_written_before_any_was_packed_can_be_read() -> None:
    plan = a_plan()

    assert unpacked(msgspec.json.encode(plan), Plan) == plan
