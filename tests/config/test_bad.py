"""Each file in `bad/` has the mistake in its name, and the text file beside it has the expected messages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from exporter.collectors.registry import SECTION
from exporter.config.load import load, parse
from exporter.errors import ConfigurationError

EXAMPLE = Path(__file__).parents[2] / "config/example.yaml"
BAD = sorted((Path(__file__).parent / "bad").glob("*.yaml"))


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_every_mistake_is_reported_with_line_and_column(path: Path, environment: Mapping[str, str]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(path, environment, collectors=SECTION)
    messages = "".join(f"{mistake.line}:{mistake.column}: {mistake.message}\n" for mistake in caught.value.mistakes)
    assert path.with_suffix(".txt").read_text(encoding="utf-8") == messages


def test_message_has_no_secret() -> None:
    messages = "".join(path.with_suffix(".txt").read_text(encoding="utf-8") for path in BAD)
    assert "sk-or-" not in messages
    assert "hunter2" not in messages


@pytest.mark.parametrize(
    "secret",
    [
        *("sk-or-v1-5ecret", '"sk-or-v1-5ecret', "[sk-or-v1-5ecret", "!sk-or-v1-5ecret", "*sk-or-v1-5ecret"),
        *("!a!sk-or-v1-5ecret x", "{sk-or-v1-5ecret: 1, sk-or-v1-5ecret: 2}", "http://me:5ecret@host"),
    ],
)
def test_secret_at_any_key_is_not_in_a_message(secret: str, environment: Mapping[str, str]) -> None:
    example = re.sub(r"(^|\s+)#.*", "", EXAMPLE.read_text(encoding="utf-8"))  # comments take time and hold no values
    for word in re.finditer(r"(?<=: )[^\s#]+|\b\w+(?=:)", example):
        try:
            parse(
                example[: word.start()] + secret + example[word.end() :], "test.yaml", environment, collectors=SECTION
            )
        except ConfigurationError as error:
            messages = str(error)
        else:
            messages = ""
        assert "5ecret" not in messages
