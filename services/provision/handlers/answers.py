"""Domain types as answers."""

from __future__ import annotations

from services.provision.domain import MappingRecord
from services.provision.plan import Plan
from shared.clock import timestamp
from shared.contracts.provision import (
    MappingRecordBody,
    PlanBody,
    PlannedCertificateBody,
    PlannedChannelBody,
    PlannedConfigBody,
    PlannedConnectionBody,
    PlannedThingBody,
    StepBody,
)


def record_body(record: MappingRecord, *, steps: bool) -> MappingRecordBody:
    """A line of the journal."""
    return MappingRecordBody(
        id=record.id,
        external_id=record.external_id,
        name=record.name,
        layout=record.layout,
        status=record.status,
        reason=record.reason,
        things=record.thing_ids,
        channels=record.channel_ids,
        steps=[
            StepBody(
                name=step.name,
                started_at=timestamp(step.started_at),
                seconds=step.seconds,
                tries=step.tries,
                errors=step.errors,
            )
            for step in (record.steps if steps else ())
        ],
        created_at=timestamp(record.created_at),
        updated_at=timestamp(record.updated_at),
    )


def plan_body(plan: Plan, *, is_replay: bool) -> PlanBody:
    """What would be made, by names; ids and secrets are chosen anew each time."""
    things = {thing.id: thing.name for thing in plan.entities.things}
    channels = {channel.id: channel.name for channel in plan.entities.channels}
    return PlanBody(
        dry_run=True,
        is_replay=is_replay,
        things=[
            PlannedThingBody(name=thing.name, tags=thing.tags, metadata=metadata)
            for thing, metadata in zip(plan.entities.things, plan.layout_metadata, strict=True)
        ],
        channels=[
            PlannedChannelBody(name=channel.name, metadata=channel.metadata)
            for channel in plan.entities.channels
        ],
        connections=[
            PlannedConnectionBody(
                thing=things[connection.thing_id],
                channel=channels[connection.channel_id],
                actions=list(connection.actions),
            )
            for connection in plan.entities.connections
        ],
        config=None
        if plan.config is None
        else PlannedConfigBody(
            external_id=plan.config.external_id,
            name=plan.config.name,
            content=plan.config.content,
            state=plan.config.state,
        ),
        certificates=[
            PlannedCertificateBody(
                thing=one.thing,
                ttl=one.ttl,
                key_type=one.key_kind.type,
                key_bits=one.key_kind.bits,
            )
            for one in plan.certificates
        ],
    )
