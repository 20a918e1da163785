"""Wrong usage: each message names the command, and the option that was probably meant."""

from __future__ import annotations

import pytest

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
def test_wrong_usage_is_explained(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match=r"^2$"):
        parse(arguments, {})
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("command", ["serve", "export", "simulate"])
def test_wrong_usage_names_the_help_of_the_command(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse([command, "--nonsense"], {})
    assert f"Try 'openrouter-exporter {command} --help'." in capsys.readouterr().err
