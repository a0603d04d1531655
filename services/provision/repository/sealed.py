"""What the journal keeps under key, and what makes two requests the same."""

from __future__ import annotations

import msgspec

from services.provision.plan import Plan
from shared.postgres.resealing import SealedTable

PURPOSE = "provision/plan"
SEALED = (
    SealedTable(
        name="mappings",
        columns=dict.fromkeys(("sealed_plan", "sealed_answer", "sealed_keys"), PURPOSE),
        fingerprint=("fingerprint", "sealed_plan"),
        told=lambda row, plan: told(msgspec.json.decode(plan, type=Plan), row["layout"]),
        reads=("layout",),
    ),
)


def told(plan: Plan, layout: str) -> bytes:
    """What a request's fingerprint is made of."""
    gateway = plan.gateway
    return msgspec.json.encode(
        (plan.owner_id, layout, gateway.external_id, gateway.external_key, gateway.name)
    )
