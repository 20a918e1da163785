"""Commands and options, in the dotted style of Prometheus exporters.

Each option has an environment variable: `OPENROUTER_EXPORTER_<OPTION>`, with underscores for dots and dashes. The
variable of a repeatable option takes several values, separated by commas. No option takes a secret.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from exporter import __version__
from exporter.config.units import parse_duration
from exporter.option_parser import PREFIX, CommandParser, HelpFormatter, OptionAdder
from exporter.web.listen import ListenAddress, parse_address
from exporter.web.web_settings import route_prefix, telemetry_path

if TYPE_CHECKING:
    from exporter.log import LogFormat  # imports structlog, which `healthcheck` does without

LOG_FORMATS: tuple[LogFormat, ...] = ("auto", "console", "json", "logfmt")
ONCE_FORMATS = ("metrics", "table")
EXPORT_FORMATS = ("openmetrics", "csv", "focus")
EXPORT_PERIODS = ("day", "month")
LOG_LEVELS = ("debug", "info", "warning", "error")
DEFAULT_ADDRESS = ":10063"
DEFAULT_STEP, SHORTEST_STEP, LONGEST_STEP = 300.0, 1.0, 86_400.0
SIMULATOR_ADDRESS = "127.0.0.1:10064"
DOCUMENTATION = "https://github.com/openrouter-exporter/openrouter-exporter#readme"

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
    parser.add_argument("--version", action="version", version=f"openrouter-exporter {__version__}")
    commands = parser.add_subparsers(
        title="commands", dest="command", required=True, metavar="COMMAND", parser_class=CommandParser
    )
    for name, (summary, example, add_options) in _COMMANDS.items():
        command = commands.add_parser(
            name,
            help=summary,
            description=summary,
            epilog=_epilog(example),
            formatter_class=HelpFormatter,
            allow_abbrev=False,
        )
        if name == chosen and name in ("demo", "simulate"):
            command.epilog = f"{_faults_help()}\n\n{command.epilog}"
        command.add_argument("--version", action="version", version=f"openrouter-exporter {__version__}")
        options = OptionAdder(command, environment if name == chosen else {})
        options.add("--log.level", "log_level", "info", "Lowest level to log.", choices=LOG_LEVELS)
        options.add(
            "--log.format",
            "log_format",
            "auto",
            "auto is console on a terminal, else json.",
            choices=LOG_FORMATS,
        )
        add_options(options)
    return parser


def _epilog(*examples: str) -> str:
    lines = "".join(f"  {example}\n" for example in examples)
    return f"example{'s' if len(examples) > 1 else ''}:\n{lines}\n{_ENVIRONMENT}"


def _duration(text: str) -> float:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise ValueError(f"expected a duration such as 10s, got {text!r} ({error})") from None


def _whole_number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"expected a whole number, got {text!r}") from None


def _at_least_one(text: str) -> int:
    number = _whole_number(text)
    if number < 1:
        raise ValueError(f"expected a number from 1 on, got {text!r}")
    return number


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"expected a UTC day such as 2026-11-01, got {text!r}") from None


def _label(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not re.fullmatch(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]*", name) or not value:
        raise ValueError(f"expected NAME=VALUE such as job=openrouter, got {text!r}")
    return name, value


def _allocation_label(text: str) -> str:
    if not re.fullmatch("_?[a-zA-Z][a-zA-Z0-9_]*", text):
        raise ValueError(f"expected a label such as cost_center, got {text!r}")
    return text


def _step(text: str) -> float:
    step = _duration(text)
    if step != int(step) or not SHORTEST_STEP <= step <= LONGEST_STEP:
        raise ValueError(f"expected whole seconds, from 1s to 1d, got {text!r}")
    return step


def _shard_index(text: str) -> int:
    ordinal = re.search(r"(?:^|[^-]-)([0-9]{1,9})$", text)
    if ordinal is None:
        raise ValueError(f"expected a whole number, or a name that ends in one, such as exporter-0, got {text!r}")
    return int(ordinal[1])


def _config_file(options: OptionAdder) -> None:
    options.add(
        "--config.file",
        "config_file",
        None,
        "Configuration file, in YAML. Default: one account, with the key in OPENROUTER_API_KEY.",
        type_=Path,
        metavar="FILE",
    )


def _web_config_file(options: OptionAdder) -> None:
    options.add(
        "--web.config.file",
        "web_config_file",
        None,
        "Web configuration file for TLS, basic auth and headers, in the format of exporter-toolkit.",
        type_=Path,
        metavar="FILE",
    )


def _web(options: OptionAdder) -> None:
    _listen_address(options, DEFAULT_ADDRESS)
    options.add(
        "--web.telemetry-path",
        "telemetry_path",
        "/metrics",
        "Path under which metrics are served.",
        type_=telemetry_path,
        metavar="PATH",
    )
    _route_prefix(options)
    _web_config_file(options)
    options.add_switch(
        "--web.systemd-socket", "systemd_socket", "Use the sockets that systemd passes instead of the listen addresses."
    )
    options.add_switch("--web.enable-lifecycle", "enable_lifecycle", "Enable reload by POST to /-/reload.")
    options.add(
        "--shutdown.timeout",
        "shutdown_timeout",
        "10s",
        "Grace period for polls in progress after SIGTERM.",
        type_=_duration,
        metavar="DURATION",
    )


def _listen_address(options: OptionAdder, default: str) -> None:
    options.add_repeatable(
        "--web.listen-address",
        "listen_addresses",
        default,
        "Address to listen on: HOST:PORT, :PORT or [IPv6]:PORT. Repeatable.",
        parse_address,
    )


def _route_prefix(options: OptionAdder) -> None:
    options.add(
        "--web.route-prefix",
        "route_prefix",
        "",
        "Prefix of all paths, such as /openrouter.",
        type_=route_prefix,
        metavar="PATH",
    )


def _serve(options: OptionAdder) -> None:
    _config_file(options)
    options.add(
        "--config.auto-reload-interval",
        "auto_reload_interval",
        "0s",
        "How often to check the configuration, account files and key files for changes; 0s is never.",
        type_=_duration,
        metavar="DURATION",
    )
    options.add(
        "--shard.index",
        "shard_index",
        "0",
        "Index of this exporter's shard: a number below --shard.total, or a name that ends in one, such as that of a "
        "StatefulSet's pod.",
        type_=_shard_index,
        metavar="INDEX",
    )
    options.add(
        "--shard.total",
        "shard_total",
        "1",
        "Number of exporters that share the accounts of the configuration.",
        type_=_at_least_one,
        metavar="NUMBER",
    )
    _web(options)


def _once(options: OptionAdder) -> None:
    _config_file(options)
    options.add(
        "--format",
        "once_format",
        "metrics",
        "metrics is the exposition; table is a summary for people: accounts, budgets, top models and keys.",
        choices=ONCE_FORMATS,
    )


def _check_config(options: OptionAdder) -> None:
    _config_file(options)
    _web_config_file(options)


def _simulate(options: OptionAdder) -> None:
    _listen_address(options, SIMULATOR_ADDRESS)
    options.add("--seed", "seed", None, "Seed for the simulated account.", type_=_whole_number, metavar="NUMBER")
    options.add(
        "--endpoints", "endpoints", None, "Number of endpoints with usage.", type_=_at_least_one, metavar="NUMBER"
    )
    _fault(options)
    options.add("--replay", "replay", None, "Serve this recorded response instead.", type_=Path, metavar="FILE")


def _demo(options: OptionAdder) -> None:
    _web(options)
    _fault(options)


def _fault(options: OptionAdder) -> None:
    options.add_repeatable(
        "--fault",
        "faults",
        "",
        "Fault of the API to simulate: KIND[:PROBABILITY], with a kind from the list below. Repeatable.",
        str,
    )


def _faults_help() -> str:
    from exporter.simulator.faults import kinds_help  # imported only here, to start sooner

    return f"kinds of faults:\n{kinds_help()}"


def _export(options: OptionAdder) -> None:
    _config_file(options)
    options.add(
        "--format",
        "export_format",
        "openmetrics",
        "openmetrics is for Prometheus: past days as /metrics showed them. csv and focus are for finance: usage by "
        "endpoint and day as in the API, or as charges in FOCUS 1.2.",
        choices=EXPORT_FORMATS,
    )
    options.add(
        "--from", "first_day", None, "First UTC day of usage. Default: the oldest that the API has.", type_=_day
    )
    options.add("--to", "last_day", None, "Last UTC day of usage. Default: the latest completed day.", type_=_day)
    options.add_repeatable("--account", "account_names", "", "Account to export. Repeatable. Default: all.", str)
    options.add(
        "--output",
        "output",
        "-",
        "File to write; replaced only once it is complete. - is stdout. FILE.gz is compressed.",
        metavar="FILE",
    )
    options.add_repeatable(
        "--label",
        "labels",
        "",
        "Label that Prometheus adds when it scrapes, such as job=openrouter; with focus, a tag. Repeatable.",
        _label,
    )
    options.add_switch("--demo", "of_demo", "Export the demo's accounts, by default 30 days of them. Needs no key.")
    options.add("--step", "step", "5m", "Time between two samples, with openmetrics.", type_=_step, metavar="DURATION")
    options.add("--by", "export_period", "day", "Period of a row, with csv.", choices=EXPORT_PERIODS)


def _rules(options: OptionAdder) -> None:
    _config_file(options)
    options.add_repeatable(
        "--allocation.label",
        "allocation_labels",
        "",
        "Label to sum spend by. Repeatable. Default: allocations.labels of the configuration.",
        _allocation_label,
    )


def _healthcheck(options: OptionAdder) -> None:
    _listen_address(options, DEFAULT_ADDRESS)
    _route_prefix(options)


# Of each command: its summary, an example, and what adds its options.
_COMMANDS: dict[str, tuple[str, str, Callable[[OptionAdder], None]]] = {
    "serve": (
        "Poll the configured accounts and serve their metrics.",
        "openrouter-exporter serve --config.file=config.yaml --web.listen-address=127.0.0.1:10063",
        _serve,
    ),
    "demo": (
        "Serve metrics of simulated accounts. Needs no key, file or network.",
        "openrouter-exporter demo --web.listen-address=127.0.0.1:10063 --fault=status-429:0.3",
        _demo,
    ),
    "check-config": (
        "Check the configuration and report every mistake in it.",
        "openrouter-exporter check-config --config.file=config.yaml",
        _check_config,
    ),
    "once": (
        "Poll every collector once and print the metrics.",
        "openrouter-exporter once --config.file=config.yaml --format=table",
        _once,
    ),
    "export": (
        "Write past days of usage to a file, for Prometheus or for finance.",
        "openrouter-exporter export --from=2026-11-01 --label=job=openrouter --output=history.txt",
        _export,
    ),
    "rules": (
        "Print recording rules that sum spend by the labels of allocations.",
        "openrouter-exporter rules --allocation.label=team --allocation.label=cost_center",
        _rules,
    ),
    "simulate": (
        "Run only the simulator of the OpenRouter API.",
        "openrouter-exporter simulate --fault=status-429:0.3",
        _simulate,
    ),
    "healthcheck": (
        "Check that the running exporter is healthy. Exits with 1 if not.",
        "openrouter-exporter healthcheck --web.listen-address=127.0.0.1:10063",
        _healthcheck,
    ),
}
