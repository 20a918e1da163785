"""Errors in options: each message names the command and suggests the option that was probably meant."""

from __future__ import annotations

import pytest

from exporter.option_parser import CommandParser, Option
from exporter.options import parse


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["exprot"], "openrouter-exporter: unknown command 'exprot'; did you mean export?"),
        (["x"], "openrouter-exporter: unknown command 'x'; expected one of serve, demo, check-config, once, "),
        (
            ["serve", "--web.listen-adress=:80"],
            "openrouter-exporter serve: unknown argument --web.listen-adress=:80; did you mean --web.listen-address?",
        ),
        (["once", "--config-file", "a"], "once: unknown argument --config-file; did you mean --config.file?"),
        (
            ["once", "config.yaml"],
            "openrouter-exporter once: unknown argument config.yaml; did you mean --config.file?",
        ),
        (["--config.file=a", "serve"], "openrouter-exporter: unknown argument --config.file=a; options follow COMMAND"),
        (["serve", "--shard.index=pod"], "a name that ends in one, such as exporter-0, got 'pod'"),
    ],
)
def test_wrong_usage_has_an_explanation_and_a_suggestion(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match=r"^2$"):
        parse(arguments, {})
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("command", ["serve", "export", "simulate"])
def test_wrong_usage_names_the_help_of_the_command(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse([command, "--nonsense"], {})
    assert f"Try 'openrouter-exporter {command} --help'." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("variable", "text", "message"),
    [
        ("LOG_LEVEL", "loud", "LOG_LEVEL: expected one of debug, info, warning, error, got 'loud'"),
        ("SHUTDOWN_TIMEOUT", "5", "SHUTDOWN_TIMEOUT: expected a duration such as 10s, got '5' (write the unit: 5s, "),
        ("WEB_LISTEN_ADDRESS", ":80,x", "WEB_LISTEN_ADDRESS: 'x' is not an address to listen on"),
        ("WEB_SYSTEMD_SOCKET", "maybe", "WEB_SYSTEMD_SOCKET: expected true or false, got 'maybe'"),
    ],
)
def test_invalid_variable_is_named(variable: str, text: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match=r"^2$"):
        parse(["serve"], {f"OPENROUTER_EXPORTER_{variable}": text})
    assert f"serve: environment variable OPENROUTER_EXPORTER_{message}" in capsys.readouterr().err


def test_variable_is_used_unless_the_option_is_given() -> None:
    """With the option, the variable may even be invalid. An empty variable counts as unset."""
    environment = {
        "OPENROUTER_EXPORTER_ACCOUNT": "a, b",
        "OPENROUTER_EXPORTER_BY": "century",
        "OPENROUTER_EXPORTER_DEMO": "TRUE",
        "OPENROUTER_EXPORTER_OUTPUT": " ",
    }
    options = parse(["export", "--by=month"], environment)
    assert (("a", "b"), "month", True, "-") == (
        options.account_names,
        options.export_period,
        options.of_demo,
        options.output,
    )
    assert ("c", "d") == parse(["export", "--by=day", "--account=c", "--account=d"], environment).account_names


def test_help_may_have_a_percent_sign() -> None:
    share = Option(flag="--share", default="50%", meaning="Share.", read=str, choices=(), metavar="VALUE")
    assert "Share. Default: 50%." in CommandParser({"share": share}, {}).format_help()
