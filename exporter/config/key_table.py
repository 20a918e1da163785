"""The table of every key in docs/configuration.md."""

from __future__ import annotations

import json

from exporter.config.collector_settings import CollectorsSettings
from exporter.config.dump import written_value
from exporter.config.fields import Key, every_key
from exporter.config.file_format import file_format

_HEAD = ("| key | default | takes | meaning |", "|---|---|---|---|")


def table(collectors: type[CollectorsSettings]) -> str:
    """Return a Markdown table of every key with its default, what it takes and what it means."""
    # A section is seen by its keys, unless it repeats those of another.
    keys = every_key(file_format(collectors))
    rows = [_row(path, key) for path, key in keys if key.inherits or not isinstance(key.holds, type)]
    return "\n".join((*_HEAD, *rows)) + "\n"


def _row(path: str, key: Key) -> str:
    return f"| `{path}` | {_default(key)} | {_cell(_takes(key))} | {_cell(key.meaning)} |"


def _default(key: Key) -> str:
    if key.required:
        return "required"
    if isinstance(key.holds, type):
        return ""
    value = written_value(key, key.default)
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"


def _takes(key: Key) -> str:
    if isinstance(key.holds, type):
        return f"any key of `{key.name}`"
    return key.expected


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
