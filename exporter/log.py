"""Logging: structlog for our events, the standard library's records of others in the same form, all to stderr.

Console lines on a terminal, JSON elsewhere. Keys are taken out of everything before it is rendered.
"""

from __future__ import annotations

import logging
import re
import sys
from typing import Any, Literal, TextIO

import structlog

LogFormat = Literal["auto", "console", "json", "logfmt"]

_KEY = re.compile(r"sk-or-[\w-]+")
_BEARER = re.compile(r"(?i)\bbearer\s+[^\s'\",;]+")
# What APScheduler warns of is that a poll outlasts its interval: counted, and no news on each tick of an outage.
_QUIET = {"apscheduler": logging.ERROR, "aiohttp.access": logging.WARNING, "asyncio": logging.WARNING}

_FIRST_KEYS = ("timestamp", "level", "event")

# Shorter text is no key, and taking it out would shred every line.
_SHORTEST_SECRET = 8

_secrets: list[str] = []


def hide(text: str) -> None:
    """Never let this text through to the log. For keys of an unusual form; the usual one is known."""
    if len(text) >= _SHORTEST_SECRET:
        # The longest first: one may be a part of another.
        _secrets[:] = sorted({*_secrets, text}, key=len, reverse=True)


def without_secrets(value: Any) -> Any:
    """Return a value of an event with every key in it replaced, however deep."""
    if isinstance(value, str):
        for secret in _secrets:
            value = value.replace(secret, "<secret>")
        return _BEARER.sub("Bearer <secret>", _KEY.sub("<secret>", value))
    if isinstance(value, dict):
        return {without_secrets(key): without_secrets(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [without_secrets(item) for item in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return without_secrets(str(value))


def _cleaned(_logger: Any, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    ordered = {key: event[key] for key in _FIRST_KEYS if key in event} | dict(event)
    return {key: _visible(without_secrets(value)) for key, value in ordered.items()}


def _visible(value: Any) -> Any:
    """Return a value whose text says nothing to a terminal: what a client or the API sent may hold control characters.

    Lines stay lines, for traces; each format has its way with them.
    """
    if isinstance(value, str):
        if value.isprintable():
            return value
        return "".join(c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in value)
    if isinstance(value, dict):
        return {_visible(key): _visible(item) for key, item in value.items()}
    return [_visible(item) for item in value] if isinstance(value, list) else value


def configure(level: str, format_: LogFormat, stream: TextIO | None = None) -> None:
    """Send all events of at least this level to the stream, stderr if it is None. May be called again."""
    stream = stream or sys.stderr
    chosen = ("console" if stream.isatty() else "json") if format_ == "auto" else format_
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                _cleaned,
                _renderer(chosen, stream),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    set_level(level)


def set_level(level: str) -> None:
    """Log from this level on, in the form that was configured."""
    root = logging.getLogger()
    root.setLevel(level.upper())
    for name, quiet in _QUIET.items():
        logging.getLogger(name).setLevel(max(quiet, root.level))


def _renderer(format_: LogFormat, stream: TextIO) -> structlog.typing.Processor:
    match format_:
        case "json":
            return structlog.processors.JSONRenderer(sort_keys=False, ensure_ascii=False)
        case "logfmt":
            return structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"], bool_as_flag=False)
        case _:
            # Traces come rendered, because keys are taken out of them first.
            return structlog.dev.ConsoleRenderer(
                colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback
            )


def logger(**keys: Any) -> structlog.stdlib.BoundLogger:
    """Return a logger that adds these keys to each event."""
    bound: structlog.stdlib.BoundLogger = structlog.get_logger("exporter").bind(**keys)
    return bound
