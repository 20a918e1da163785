from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from exporter.collectors.registry import SECTION
from exporter.config.schema import schema, table

ROOT = Path(__file__).parents[2]
BAD = Path(__file__).parent / "bad"


def errors(data: Any) -> list[str]:
    return [error.message for error in Draft202012Validator(schema(SECTION)).iter_errors(data)]


def test_schema_is_valid_by_its_dialect() -> None:
    Draft202012Validator.check_schema(schema(SECTION))


def test_schema_file_is_current() -> None:
    """`make docs` regenerates it."""
    assert json.loads((ROOT / "config/schema.json").read_text(encoding="utf-8")) == schema(SECTION)


@pytest.mark.parametrize("name", ["minimal.yaml", "example.yaml"])
def test_shipped_files_are_valid_by_the_schema(name: str) -> None:
    assert errors(yaml.safe_load((ROOT / "config" / name).read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "name",
    [
        *("unknown-key", "key-at-the-wrong-level", "windows", "whole-number-zero", "strategy", "choice", "filters"),
        *("base-url-http", "size", "duration", "account-key-neither-or-both", "accounts-empty", "accounts-missing"),
    ],
)
def test_schema_rejects_mistakes_within_one_key(name: str) -> None:
    """Mistakes that depend on other keys, the environment or other files are beyond a schema."""
    assert errors(yaml.safe_load((BAD / f"{name}.yaml").read_text(encoding="utf-8")))


@pytest.mark.parametrize("name", ["minimal.yaml", "example.yaml"])
def test_first_line_names_the_schema(name: str) -> None:
    """The path is relative, so that it works in any copy."""
    first = (ROOT / "config" / name).read_text(encoding="utf-8").partition("\n")[0]
    assert first == "# yaml-language-server: $schema=schema.json"


def test_every_key_has_a_description() -> None:

    def undescribed(node: dict[str, Any]) -> list[str]:
        missing = [name for name, key in node.get("properties", {}).items() if not key.get("description")]
        return missing + [name for section in node.get("$defs", {}).values() for name in undescribed(section)]

    assert undescribed(schema(SECTION)) == []


def test_documentation_has_the_table_of_keys() -> None:
    """`make docs` regenerates it."""
    assert (ROOT / "docs/configuration.md").read_text(encoding="utf-8").endswith("## Every key\n\n" + table(SECTION))
