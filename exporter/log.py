"""Logging to stderr: our events by structlog, and libraries' records in the same format.

Console lines on a terminal, JSON elsewhere. Secrets are removed before anything is rendered.
"""

from __future__ import annotations

import logging
import re
import sys
from typing import Any, TextIO

import structlog

_KEY = re.compile(r"sk-or-[\w-]+")
_ADDRESS = re.compile(r"[\w.+%-]{1,64}@[\w-]{1,63}\.[\w.-]{1,190}")
_BEARER = re.compile(r"(?i)\bbearer\s+[^\s'\",;]+")
# APScheduler warns each time that a poll outlasts its interval; a metric counts these.
_QUIET = {"apscheduler": logging.ERROR, "aiohttp.access": logging.WARNING, "asyncio": logging.WARNING}

_FIRST_KEYS = ("timestamp", "level", "event")

# Shorter text is not a key, and removing it would shred every line.
_SHORTEST_SECRET = 8

_secrets: list[str] = []


def hide(text: str) -> None:
    """Replace this text in every later line. Needed for keys of unusual form; the usual form is recognised."""
    if len(text) >= _SHORTEST_SECRET:
        # Longest first, because one may contain another.
        _secrets[:] = sorted({*_secrets, text}, key=len, reverse=True)


def without_addresses(text: str) -> str:
    """Return text with every e-mail address in it replaced."""
    return _ADDRESS.sub("<e-mail>", text) if "@" in text else text


def without_secrets(value: Any) -> Any:
    """Return a value of an event with every secret in it replaced, at any depth."""
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
    if "exception" in ordered:  # an error's message can quote a row
        ordered["exception"] = without_addresses(str(ordered["exception"]))
    return {key: _visible(without_secrets(value)) for key, value in ordered.items()}


def _visible(value: Any) -> Any:
    """Return a value with control characters escaped: a client or the API may send some that control a terminal.

    Line breaks stay, for tracebacks; each format renders them in its own way.
    """
    if isinstance(value, str):
        if value.isprintable():
            return value
        return "".join(c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in value)
    if isinstance(value, dict):
        return {_visible(key): _visible(item) for key, item in value.items()}
    return [_visible(item) for item in value] if isinstance(value, list) else value


def configure(level: str, format_: str, stream: TextIO | None = None) -> None:
    """Send events of at least this level to the stream, by default stderr. Can be called again."""
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
    """Change the level and keep the configured format."""
    root = logging.getLogger()
    root.setLevel(level.upper())
    for name, quiet in _QUIET.items():
        logging.getLogger(name).setLevel(max(quiet, root.level))


def _renderer(format_: str, stream: TextIO) -> structlog.typing.Processor:
    match format_:
        case "json":
            return structlog.processors.JSONRenderer(sort_keys=False, ensure_ascii=False)
        case "logfmt":
            return structlog.processors.LogfmtRenderer(key_order=_FIRST_KEYS, bool_as_flag=False)
        case _:
            # Tracebacks are already text here, because secrets were removed from them.
            return structlog.dev.ConsoleRenderer(
                colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback
            )


def logger(**keys: Any) -> structlog.stdlib.BoundLogger:
    """Return a logger that adds these keys to each event."""
    bound: structlog.stdlib.BoundLogger = structlog.get_logger("exporter").bind(**keys)
    return bound
