"""Generates the JSON Schema for editors, and the table in docs/configuration.md, from the declared keys."""

from __future__ import annotations

import json
from typing import Any

from exporter.config.collector_settings import CollectorsSettings
from exporter.config.dump import written_value
from exporter.config.fields import Key, ListOf, MapOf, Settings, every_key, keys_of
from exporter.config.file_format import WrittenAccount, WrittenFile, file_format
from exporter.config.value_types import ValueType

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_ONE_KEY = [
    {"required": [name], "properties": {name: {"type": "string"}, other: {"type": "null"}}}
    for name, other in (("api_key_env", "api_key_file"), ("api_key_file", "api_key_env"))
]
_SOME_ACCOUNT = [
    {"required": ["accounts"], "properties": {"accounts": {"minItems": 1}}},
    {"required": ["account_files"], "properties": {"account_files": {"minItems": 1}}},
    {"required": ["accounts_from"]},
]


def schema(collectors: type[CollectorsSettings]) -> dict[str, Any]:
    """Return the schema. Every file that loads is valid by it; only loading finds contradictions between keys."""
    definitions: dict[str, Any] = {}
    root = _section(file_format(collectors), definitions)
    return {"$schema": _DIALECT, "title": "openrouter-exporter", **root, "$defs": definitions}


def _section(settings: type[Settings], definitions: dict[str, Any]) -> dict[str, Any]:
    keys = keys_of(settings).values()
    required = [key.name for key in keys if key.required]
    return {
        "description": (settings.__doc__ or "").partition("\n")[0],
        # An empty section is null in YAML, and has its defaults here; with a required key it can't be empty.
        "type": "object" if required else ["object", "null"],
        "additionalProperties": False,
        **({"required": required} if required else {}),
        "properties": {key.name: _key(key, definitions) for key in keys},
        **({"oneOf": _ONE_KEY} if issubclass(settings, WrittenAccount) else {}),
        **({"anyOf": _SOME_ACCOUNT} if issubclass(settings, WrittenFile) else {}),
    }


def _key(key: Key, definitions: dict[str, Any]) -> dict[str, Any]:
    taken = _taken(key.holds, definitions)
    if key.nullable:
        taken = {"anyOf": [taken, {"type": "null"}]}
    described = {"description": key.meaning, **taken}
    if not key.required and not isinstance(key.holds, type):
        described["default"] = written_value(key, key.default)
    return described


def _taken(holds: ValueType | ListOf | MapOf | type[Settings], definitions: dict[str, Any]) -> dict[str, Any]:
    if isinstance(holds, ValueType):
        return dict(holds.schema)
    if isinstance(holds, ListOf):
        limits = {
            **({"minItems": holds.at_least} if holds.at_least else {}),
            **({"uniqueItems": True} if holds.unique else {}),
        }
        return {"type": "array", "items": _taken(holds.item, definitions), **limits}
    if isinstance(holds, MapOf):
        values = holds.values if isinstance(holds.values, ValueType) else None
        return {"type": ["object", "null"], **({"additionalProperties": dict(values.schema)} if values else {})}
    name = holds.__name__.removeprefix("Written")
    if name not in definitions:
        definitions[name] = {}  # so that it comes before the definitions it needs
        definitions[name].update(_section(holds, definitions))
    return {"$ref": f"#/$defs/{name}"}


def table(collectors: type[CollectorsSettings]) -> str:
    """Return a Markdown table of every key with its default, what it takes and what it means."""
    # A section is seen by its keys, unless it repeats those of another.
    keys = every_key(file_format(collectors))
    rows = [_row(path, key) for path, key in keys if key.inherits or not isinstance(key.holds, type)]
    return "\n".join(("| key | default | takes | meaning |", "|---|---|---|---|", *rows)) + "\n"


def _row(path: str, key: Key) -> str:
    takes = f"any key of `{key.name}`" if isinstance(key.holds, type) else key.expected
    return f"| `{path}` | {_default(key)} | {_cell(takes)} | {_cell(key.meaning)} |"


def _default(key: Key) -> str:
    if key.required:
        return "required"
    if isinstance(key.holds, type):
        return ""
    value = written_value(key, key.default)
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
