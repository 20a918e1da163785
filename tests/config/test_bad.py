"""Each file in `bad/` is wrong in the way its name says; the text beside it is what its writer is told."""

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
def test_a_bad_configuration_is_told_what_is_wrong(path: Path, environment: Mapping[str, str]) -> None:
    """All mistakes are told at once, in the file's order, each with its line and column."""
    with pytest.raises(ConfigurationError) as caught:
        load(path, environment, collectors=SECTION)
    told = "".join(f"{mistake.line}:{mistake.column}: {mistake.message}\n" for mistake in caught.value.mistakes)
    assert path.with_suffix(".txt").read_text(encoding="utf-8") == told


def test_no_message_repeats_a_secret() -> None:
    """Wherever a key or a password stands by mistake, the messages leave it out."""
    told = "".join(path.with_suffix(".txt").read_text(encoding="utf-8") for path in BAD)
    assert "sk-or-" not in told
    assert "hunter2" not in told


@pytest.mark.parametrize(
    "secret",
    [
        *("sk-or-v1-5ecret", '"sk-or-v1-5ecret', "[sk-or-v1-5ecret", "!sk-or-v1-5ecret", "*sk-or-v1-5ecret"),
        *("!a!sk-or-v1-5ecret x", "{sk-or-v1-5ecret: 1, sk-or-v1-5ecret: 2}", "http://me:5ecret@host"),
    ],
)
def test_a_secret_in_any_wrong_place_is_not_repeated(secret: str, environment: Mapping[str, str]) -> None:
    """Put in place of each word of the example in turn, it is in no message."""
    example = EXAMPLE.read_text(encoding="utf-8")
    for word in re.finditer(r"(?<=: )[^\s#]+|\b\w+(?=:)", example):
        try:
            parse(
                example[: word.start()] + secret + example[word.end() :], "test.yaml", environment, collectors=SECTION
            )
        except ConfigurationError as error:
            told = str(error)
        else:
            told = ""
        assert "5ecret" not in told
