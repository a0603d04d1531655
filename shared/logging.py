"""JSON lines on standard output, each carrying the request and the trace it belongs to."""

from __future__ import annotations

import logging
import sys
from contextvars import Context
from typing import Any

import msgspec
import structlog

from shared.request_id import REQUEST_ID as REQUEST_ID
from shared.tracing import trace_id

_LEVELS = {"debug": 10, "info": 20, "warning": 30, "warn": 30, "error": 40}
_LADDER = ("error", "warning", "info", "debug")

logger = structlog.get_logger(__name__)


class _Threshold:
    """What is written; changes while the process runs. Nobody has asked for more at first."""

    level = _LEVELS["warning"]


def is_logged(level: str) -> bool:
    """Whether lines of a level are written at present."""
    return _LEVELS.get(level, logging.CRITICAL) >= _Threshold.level


def change_level(steps: int) -> None:
    """Write more (1) or less (-1) from now on, between `error` and `debug`."""
    present = next(i for i, name in enumerate(_LADDER) if _LEVELS[name] <= _Threshold.level)
    name = _LADDER[min(max(present + steps, 0), len(_LADDER) - 1)]
    _Threshold.level = min(_LEVELS[name], _LEVELS["warning"])  # so that this line is written
    # A signal comes in the middle of some request, which has nothing to do with it.
    Context().run(logger.warning, "log_level_changed", log_level=name)
    _Threshold.level = _LEVELS[name]


def configure_logging(service: str, level: str) -> None:
    """Send structlog and the standard library's records to one place in one shape."""
    _Threshold.level = _LEVELS.get(level.lower(), _LEVELS["info"])
    processors: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _context(service),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[_filter, *processors, structlog.processors.JSONRenderer(serializer=_dumps)],
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=processors,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(serializer=_dumps),
            ],
        )
    )
    level_of_libraries = max(_Threshold.level, logging.WARNING)
    logging.basicConfig(handlers=[handler], level=level_of_libraries, force=True)


def _filter(_: Any, method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Drop what is below the threshold; a processor, because bound loggers never change theirs."""
    if not is_logged(method):
        raise structlog.DropEvent
    return event


def _context(service: str) -> structlog.typing.Processor:
    def add(_: Any, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        event["service"] = service
        if request_id := REQUEST_ID.get():
            event["request_id"] = request_id
        if trace := trace_id():
            event["trace_id"] = trace
        return event

    return add


def _dumps(value: Any, **_: Any) -> str:
    return msgspec.json.encode(value, enc_hook=str).decode()
