"""Any input is a configuration or a ConfigurationError."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from exporter.collectors.registry import SECTION
from exporter.config.load import load, parse
from exporter.errors import ConfigurationError
from tests.support import examples

ENVIRONMENT = {"OPENROUTER_API_KEY": "sk-or-v1-test"}
EXAMPLE = (Path(__file__).parents[2] / "config/example.yaml").read_text(encoding="utf-8")
PIECES = st.sampled_from(
    [
        *("accounts", "collectors", "upstream", "activity", "name", "windows", "retries", "interval", "api_key_env"),
        *(":", ": ", "- ", "\n", "\n  ", "\n    ", "? ", ", ", "[", "]", "{", "}", "'", '"', "\t", "---\n", "...\n"),
        *("&a ", "*a", "<<", "!!str ", "!x", "!<x>", "%YAML 1.2\n", "%TAG ! x\n", "|", ">", "#", "\\u", "\\UFFFFFFFF"),
        *(
            "null",
            "~",
            "true",
            "no",
            "30s",
            "1:30",
            "0x1F",
            ".inf",
            "5XX",
            "\ufeff",
            "\x85",
            "\u2028",
            "\x00",
            "é",
            "😀",
        ),
    ]
)


def try_to_parse(text: str) -> None:
    error = None
    try:
        parse(text, "test.yaml", ENVIRONMENT, collectors=SECTION)
    except ConfigurationError as raised:
        error = raised
    if error is not None:
        assert error.mistakes
        assert all(mistake.line >= 1 and mistake.column >= 1 for mistake in error.mistakes)
        assert str(error).encode()  # half characters could not be printed


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_accepted_or_reported(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    file = tmp_path_factory.getbasetemp() / "any.yaml"
    file.write_bytes(content)
    with pytest.raises(ConfigurationError):
        load(file, ENVIRONMENT, collectors=SECTION)


@settings(deadline=None)
@given(st.text(max_size=100))
def test_any_text_is_accepted_or_reported(text: str) -> None:
    """It includes lone surrogates, which no file can have."""
    try_to_parse(text)


@settings(deadline=None)
@given(st.lists(PIECES, max_size=40).map("".join))
@example("%YAML " + "9" * 5000 + "\n--- a")
@example("? " * 1000)
@example("- " * 1000)
@example("[" * 100_000)
@example("{a: " * 100_000)
@example("a: " * 1000)
@example("a: &a [*a, *a]")
@example('"\\uD800": 1')
def test_any_sequence_of_yaml_tokens_is_accepted_or_reported(text: str) -> None:
    try_to_parse(text)


@settings(max_examples=examples(150), deadline=None)
@given(st.randoms(use_true_random=False), st.integers(1, 5), PIECES)
def test_damaged_example_is_accepted_or_reported(chance: random.Random, times: int, piece: str) -> None:
    """Parts are removed, repeated or inserted."""
    text = EXAMPLE
    for _ in range(times):
        start, end = sorted((chance.randrange(len(text) + 1), chance.randrange(len(text) + 1)))
        end = min(end, start + 30)
        text = chance.choice(
            [text[:start] + text[end:], text[:end] + text[start:], text[:start] + piece + text[start:]]
        )
    try_to_parse(text)


@settings(max_examples=examples(50), deadline=None)
@given(st.recursive(st.text(max_size=5), lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner)))
def test_any_value_of_any_section_is_accepted_or_reported(value: object) -> None:
    """JSON is valid YAML."""
    for key in ("accounts", "upstream", "collectors"):
        try_to_parse(json.dumps({key: value}))
