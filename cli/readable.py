"""Mappings, plans and layouts as lists to be read."""

from __future__ import annotations

from collections.abc import Sequence

from cli.output import cell, plain_table, printable
from shared.clients.provision import Mapped
from shared.contracts.provision import LayoutBody, MappingRecordBody, PlanBody

_INDENT = "  "


def mapped_lines(external_id: str, mapped: Mapped) -> list[str]:
    """What a gateway has been given; its secrets are for the gateway alone."""
    answer = mapped.answer
    fact = "was set up already" if mapped.is_replay else "is set up"
    rows = [["thing", str(thing.id), thing.name] for thing in answer.things]
    rows += [["channel", str(channel.id), channel.name] for channel in answer.channels]
    return [f"{printable(external_id)} {fact}", *_table(rows)]


def plan_lines(external_id: str, plan: PlanBody) -> list[str]:
    """What would be made."""
    if plan.is_replay:
        return [f"{printable(external_id)} is set up just so already; nothing would be made"]
    lines = [f"For {printable(external_id)} would be made:", "things"]
    lines += _table([[thing.name, cell(thing.tags), cell(thing.metadata)] for thing in plan.things])
    lines += ["channels"]
    lines += _table([[channel.name, cell(channel.metadata)] for channel in plan.channels])
    lines += ["connections"]
    lines += _table([[each.thing, each.channel, cell(each.actions)] for each in plan.connections])
    if plan.config is not None:
        state = "active at once" if plan.config.state else "not active yet"
        size = f"content of {len(plan.config.content.encode())} bytes"
        lines += ["config", *_table([[plan.config.external_id, state, size]])]
    return lines


def record_lines(record: MappingRecordBody) -> list[str]:
    """What became of a mapping, with the time each step began and took."""
    pairs = [
        ("gateway", record.external_id),
        ("status", record.status),
        ("reason", record.reason),
        ("name", record.name),
        ("layout", record.layout),
        ("things", cell([str(each) for each in record.things])),
        ("channels", cell([str(each) for each in record.channels])),
        ("created", record.created_at),
        ("changed", record.updated_at),
    ]
    lines = [f"{name + ':':<10}{printable(value)}" for name, value in pairs if value]
    if record.steps:
        head = ["STEP", "BEGAN", "TOOK", "TRIES", "ERRORS"]
        rows = [
            [
                step.name,
                step.started_at,
                _milliseconds(step.seconds),
                str(step.tries),
                cell(step.errors),
            ]
            for step in sorted(record.steps, key=lambda step: step.started_at)
        ]
        lines += ["", *plain_table(head, rows)]
    return lines


def layout_lines(layout: LayoutBody) -> list[str]:
    """What every gateway set up by a layout gets."""
    lines = [f"{layout.name}, version {layout.version}, from the {_source(layout)}", "things"]
    lines += _table(
        [
            [thing.name, cell(thing.tags), cell(thing.metadata), _connected(thing.connect)]
            for thing in layout.things
        ]
    )
    lines += ["channels"]
    lines += _table([[channel.name, cell(channel.metadata)] for channel in layout.channels])
    config = "active at once" if layout.autowhite_list else "not active"
    return [*lines, "config", f"{_INDENT}{config if layout.provision else 'none'}"]


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    if not rows:
        return [f"{_INDENT}none"]
    first, *rest = [[printable(value) for value in row] for row in rows]
    return [f"{_INDENT}{line}" for line in plain_table(first, rest)]


def _connected(names: list[str] | None) -> str:
    return "all channels" if names is None else f"channels {cell(names)}"


def _source(layout: LayoutBody) -> str:
    return "configuration file" if layout.source == "default" else "folder of layouts"


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"
