"""What decides whether a thing may talk, by the names under which things announces a change of it.

Whoever remembers a decision of things lets it go with each of the facts that it stands on.
"""

from __future__ import annotations

from uuid import UUID

FACTS_CACHE = "things-facts"


def thing_fact(thing_id: UUID) -> str:
    """Whether a thing takes part, and its secret."""
    return f"thing:{thing_id}"


def channel_fact(channel_id: UUID) -> str:
    """Whether a channel takes part."""
    return f"channel:{channel_id}"


def connection_fact(thing_id: UUID, channel_id: UUID) -> str:
    """What a thing may do in a channel."""
    return f"pair:{thing_id}:{channel_id}"
