"""The log level, changed while a service runs."""

from __future__ import annotations

import json
import subprocess
import sys

SCRIPT = """
from shared.logging import change_level, configure_logging
from shared.request_id import REQUEST_ID
import structlog

configure_logging("things", "info")
REQUEST_ID.set("of-the-request-that-was-interrupted")
change_level(-1)
structlog.get_logger("test").info("unseen")
change_level(-1)
change_level(-1)
change_level(1)
structlog.get_logger("test").warning("seen")
"""


def test_a_change_is_told_between_error_and_debug_and_belongs_to_no_request() -> None:
    # A process of its own, because logging is set up once for a whole process.
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, check=True)

    lines = [json.loads(line) for line in done.stdout.splitlines()]
    changes = [line for line in lines if line["event"] == "log_level_changed"]
    assert [line["log_level"] for line in changes] == ["warning", "error", "error", "warning"]
    assert not [line for line in changes if "request_id" in line]
    assert [line["event"] for line in lines if line not in changes] == ["seen"]
    assert lines[-1]["request_id"] == "of-the-request-that-was-interrupted"
