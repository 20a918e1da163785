"""Commands and options, in the dotted style of Prometheus exporters.

Each option has an environment variable: `OPENROUTER_EXPORTER_<OPTION>`, with underscores for dots and dashes. The
variable of a repeatable option takes several values, separated by commas. No option takes a secret.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exporter import __version__, command_options
from exporter.option_parser import PREFIX, CommandParser, HelpFormatter, OptionAdder
from exporter.web.listen import ListenAddress

if TYPE_CHECKING:
    from exporter.log import LogFormat  # imports structlog, which `healthcheck` does without

LOG_FORMATS: tuple[LogFormat, ...] = ("auto", "console", "json", "logfmt")
LOG_LEVELS = ("debug", "info", "warning", "error")
DEFAULT_STEP = 300.0
DOCUMENTATION = "https://github.com/openrouter-exporter/openrouter-exporter#readme"

_VERSION = f"openrouter-exporter {__version__}"
_ENVIRONMENT = f"""environment variables:
  OPENROUTER_API_KEY              management key, read if there is no configuration file
  {PREFIX}<OPTION>    the default of an option, such as {PREFIX}LOG_LEVEL
                                  for --log.level

documentation: {DOCUMENTATION}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The parsed command line. An option that the command doesn't have keeps its default."""

    command: str
    config_file: Path | None = None
    log_level: str = "info"
    log_format: LogFormat = "auto"
    listen_addresses: tuple[ListenAddress, ...] = ()
    telemetry_path: str = "/metrics"
    route_prefix: str = ""
    enable_lifecycle: bool = False
    web_config_file: Path | None = None
    systemd_socket: bool = False
    auto_reload_interval: float = 0.0
    shutdown_timeout: float = 10.0
    seed: int | None = None
    endpoints: int | None = None
    faults: tuple[str, ...] = ()
    replay: Path | None = None
    once_format: str = "metrics"
    export_format: str = "openmetrics"
    first_day: date | None = None
    last_day: date | None = None
    account_names: tuple[str, ...] = ()
    output: str = "-"
    labels: tuple[tuple[str, str], ...] = ()
    step: float = DEFAULT_STEP
    export_period: str = "day"
    allocation_labels: tuple[str, ...] = ()
    of_demo: bool = False
    shard_index: int = 0
    shard_total: int = 1


def parse(arguments: list[str], environment: Mapping[str, str]) -> Options:
    """Return the options of a command line. Exit with 2 on wrong usage, with 0 after --help and --version."""
    chosen = next((argument for argument in arguments if argument in _COMMANDS), None)
    return Options(**vars(build_parser(environment, chosen).parse_args(arguments)))


def build_parser(environment: Mapping[str, str], chosen: str | None = None) -> argparse.ArgumentParser:
    """Return the parser. Only the options of the chosen command take their defaults from the environment."""
    parser = CommandParser(
        prog="openrouter-exporter",
        description="Prometheus exporter for what an OpenRouter account spends and has left.",
        epilog=_epilog(
            "openrouter-exporter demo",
            "OPENROUTER_API_KEY=sk-or-v1-... openrouter-exporter serve",
            "openrouter-exporter serve --config.file=config.yaml",
            "openrouter-exporter serve --help",
        ),
        formatter_class=HelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=_VERSION)
    commands = parser.add_subparsers(
        title="commands", dest="command", required=True, metavar="COMMAND", parser_class=CommandParser
    )
    for name in _COMMANDS:
        _add_command(commands, name, environment if name == chosen else {}, is_chosen=name == chosen)
    return parser


def _add_command(commands: Any, name: str, environment: Mapping[str, str], *, is_chosen: bool) -> None:
    summary, example, add_options = _COMMANDS[name]
    command = commands.add_parser(
        name,
        help=summary,
        description=summary,
        epilog=_epilog(example),
        formatter_class=HelpFormatter,
        allow_abbrev=False,
    )
    if is_chosen and name in ("demo", "simulate"):
        command.epilog = f"{_faults_help()}\n\n{command.epilog}"
    command.add_argument("--version", action="version", version=_VERSION)
    options = OptionAdder(command, environment)
    options.add("--log.level", "log_level", "info", "Lowest level to log.", choices=LOG_LEVELS)
    options.add("--log.format", "log_format", "auto", "auto is console on a terminal, else json.", choices=LOG_FORMATS)
    add_options(options)


def _epilog(*examples: str) -> str:
    lines = "".join(f"  {example}\n" for example in examples)
    return f"example{'s' if len(examples) > 1 else ''}:\n{lines}\n{_ENVIRONMENT}"


def _faults_help() -> str:
    from exporter.simulator.faults import kinds_help  # imported only here, to start sooner

    return f"kinds of faults:\n{kinds_help()}"


# Of each command: its summary, an example, and what adds its options.
_COMMANDS: dict[str, tuple[str, str, Callable[[OptionAdder], None]]] = {
    "serve": (
        "Poll the configured accounts and serve their metrics.",
        "openrouter-exporter serve --config.file=config.yaml --web.listen-address=127.0.0.1:10063",
        command_options.serve,
    ),
    "demo": (
        "Serve metrics of simulated accounts. Needs no key, file or network.",
        "openrouter-exporter demo --web.listen-address=127.0.0.1:10063 --fault=status-429:0.3",
        command_options.demo,
    ),
    "check-config": (
        "Check the configuration and report every mistake in it.",
        "openrouter-exporter check-config --config.file=config.yaml",
        command_options.check_config,
    ),
    "once": (
        "Poll every collector once and print the metrics.",
        "openrouter-exporter once --config.file=config.yaml --format=table",
        command_options.once,
    ),
    "export": (
        "Write past days of usage to a file, for Prometheus or for finance.",
        "openrouter-exporter export --from=2026-11-01 --label=job=openrouter --output=history.txt",
        command_options.export,
    ),
    "rules": (
        "Print recording rules that sum spend by the labels of allocations.",
        "openrouter-exporter rules --allocation.label=team --allocation.label=cost_center",
        command_options.rules,
    ),
    "simulate": (
        "Run only the simulator of the OpenRouter API.",
        "openrouter-exporter simulate --fault=status-429:0.3",
        command_options.simulate,
    ),
    "healthcheck": (
        "Check that the running exporter is healthy. Exits with 1 if not.",
        "openrouter-exporter healthcheck --web.listen-address=127.0.0.1:10063",
        command_options.healthcheck,
    ),
}
