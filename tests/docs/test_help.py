"""`--help` has examples, variables and links, and fits a terminal."""

from __future__ import annotations

import shlex

import pytest

from exporter.option_parser import variable
from exporter.options import parse

DOCUMENTATION = "https://github.com/openrouter-exporter/openrouter-exporter"
COMMANDS = ("serve", "demo", "check-config", "once", "export", "rules", "simulate", "healthcheck")

every_help = pytest.mark.parametrize("arguments", [[], *([command] for command in COMMANDS)])


@pytest.fixture
def text(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit):
        parse([*arguments, "--help"], {})
    return capsys.readouterr().out


def examples(text: str) -> list[list[str]]:
    """Return the command lines under the heading `examples`, without variables and the name of the program."""
    lines = text.partition("\nexample")[2].partition("\n\n")[0].splitlines()[1:]
    commands = [shlex.split(line) for line in lines]
    return [command[command.index("openrouter-exporter") + 1 :] for command in commands]


@every_help
def test_help_has_examples_that_can_be_parsed(arguments: list[str], text: str) -> None:
    assert examples(text)
    for example in examples(text):
        if "--help" not in example:
            assert parse(example, {}).command in (arguments or COMMANDS)


@every_help
def test_help_names_the_environment_variables(text: str) -> None:
    assert "  OPENROUTER_API_KEY  " in text
    assert variable("--log.level") in text


@every_help
def test_help_links_the_documentation(text: str) -> None:
    assert DOCUMENTATION in text


@every_help
def test_help_fits_a_terminal_of_100_columns(text: str) -> None:
    assert [] == [line for line in text.splitlines() if len(line) > 100]
