"""Where device messages go: `channels.<channel id>.messages[.<subtopic>]`."""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

from shared.errors import InvalidInput

# The broker closes a connection whose control lines pass 4096 bytes.
MAX_SUBTOPIC_BYTES = 1024
_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
# Wildcards of NATS and of MQTT, and what separates words in NATS' protocol.
_REFUSED = re.compile(r"[*>#+\s\x00-\x1f\x7f]")


class MalformedSubtopic(InvalidInput):
    """It cannot be a place that a message is sent to."""

    code = "malformed_subtopic"

    def __init__(self) -> None:
        super().__init__("malformed subtopic")


def read_subtopic(raw: str) -> str:
    """The dotted subtopic behind a part of a path.

    Args:
        raw: As it came, percent-encoded; `/` and `.` both separate, what is empty is left out.

    Raises:
        MalformedSubtopic: A broken escape, a wildcard, a blank, or too long.
    """
    if _BROKEN_ESCAPE.search(raw):
        raise MalformedSubtopic
    try:
        text = unquote_to_bytes(raw.replace("+", " ")).decode()
    except UnicodeDecodeError:
        raise MalformedSubtopic from None
    if _REFUSED.search(text):
        raise MalformedSubtopic
    subtopic = ".".join(part for part in text.replace("/", ".").split(".") if part)
    if len(subtopic.encode()) > MAX_SUBTOPIC_BYTES:
        raise MalformedSubtopic
    return subtopic


def subject_of(channel_id: str, subtopic: str = "") -> str:
    """Where a message to a channel is published."""
    subject = f"channels.{channel_id}.messages"
    return f"{subject}.{subtopic}" if subtopic else subject


def subjects_of(channel_id: str) -> tuple[str, str]:
    """What covers all messages of a channel; `>` alone would leave out the one without subtopic."""
    return subject_of(channel_id), subject_of(channel_id, ">")
