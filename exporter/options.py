"""Commands and options, in the dotted style of Prometheus exporters.

Each option has an environment variable: `OPENROUTER_EXPORTER_<OPTION>`, with underscores for dots and dashes. The
variable of a repeatable option takes several values, separated by commas. No option takes a secret.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path
from typing import NamedTuple

from exporter import option_types
from exporter.option_parser import PREFIX, CommandParser, Option, option
from exporter.option_types import allocation_label, at_least_one, day, duration, label, whole_number
from exporter.web import web_settings
from exporter.web.listen import ListenAddress, parse_address

DEFAULT_STEP = 300.0
DOCUMENTATION = "https://github.com/openrouter-exporter/openrouter-exporter#readme"

_ADDRESS = "Address to listen on: HOST:PORT, :PORT or [IPv6]:PORT. Repeatable."
_EXPORTER, _SIMULATOR = ListenAddress("", 10063), ListenAddress("127.0.0.1", 10064)
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
    log_level: str = option(
        "--log.level", "info", "Lowest level to log.", choices=("debug", "info", "warning", "error")
    )
    log_format: str = option(
        "--log.format",
        "auto",
        "auto is console on a terminal, else json.",
        choices=("auto", "console", "json", "logfmt"),
    )
    config_file: Path | None = option(
        "--config.file",
        None,
        "Configuration file, in YAML. Default: one account, with the key in OPENROUTER_API_KEY.",
        Path,
        metavar="FILE",
    )
    auto_reload_interval: float = option(
        "--config.auto-reload-interval",
        0.0,
        "How often to check the configuration, account files and key files for changes; 0s is never.",
        duration,
        metavar="DURATION",
    )
    shard_index: int = option(
        "--shard.index",
        0,
        "Index of this exporter's shard: a number below --shard.total, or a name that ends in one, such as that of a "
        "StatefulSet's pod.",
        option_types.shard_index,
        metavar="INDEX",
    )
    shard_total: int = option(
        "--shard.total",
        1,
        "Number of exporters that share the accounts of the configuration.",
        at_least_one,
        metavar="NUMBER",
    )
    listen_addresses: tuple[ListenAddress, ...] = option("--web.listen-address", (_EXPORTER,), _ADDRESS, parse_address)
    simulator_addresses: tuple[ListenAddress, ...] = option(
        "--web.listen-address", (_SIMULATOR,), _ADDRESS, parse_address
    )
    telemetry_path: str = option(
        "--web.telemetry-path",
        "/metrics",
        "Path under which metrics are served.",
        web_settings.telemetry_path,
        metavar="PATH",
    )
    route_prefix: str = option(
        "--web.route-prefix",
        "",
        "Prefix of all paths, such as /openrouter.",
        web_settings.route_prefix,
        metavar="PATH",
    )
    web_config_file: Path | None = option(
        "--web.config.file",
        None,
        "Web configuration file for TLS, basic auth and headers, in the format of exporter-toolkit.",
        Path,
        metavar="FILE",
    )
    systemd_socket: bool = option(
        "--web.systemd-socket", False, "Use the sockets that systemd passes instead of the listen addresses."
    )
    enable_lifecycle: bool = option("--web.enable-lifecycle", False, "Enable reload by POST to /-/reload.")
    shutdown_timeout: float = option(
        "--shutdown.timeout", 10.0, "Grace period for polls in progress after SIGTERM.", duration, metavar="DURATION"
    )
    seed: int | None = option("--seed", None, "Seed for the simulated account.", whole_number, metavar="NUMBER")
    endpoints: int | None = option(
        "--endpoints", None, "Number of endpoints with usage.", at_least_one, metavar="NUMBER"
    )
    faults: tuple[str, ...] = option(
        "--fault",
        (),
        "Fault of the API to simulate: KIND[:PROBABILITY], with a kind from the list below. Repeatable.",
    )
    replay: Path | None = option("--replay", None, "Serve this recorded response instead.", Path, metavar="FILE")
    once_format: str = option(
        "--format",
        "metrics",
        "metrics is the exposition; table is a summary for people: accounts, budgets, top models and keys.",
        choices=("metrics", "table"),
    )
    export_format: str = option(
        "--format",
        "openmetrics",
        "openmetrics is for Prometheus: past days as /metrics showed them. csv and focus are for finance: usage by "
        "endpoint and day as in the API, or as charges in FOCUS 1.2.",
        choices=("openmetrics", "csv", "focus"),
    )
    first_day: date | None = option(
        "--from", None, "First UTC day of usage. Default: the oldest that the API has.", day
    )
    last_day: date | None = option("--to", None, "Last UTC day of usage. Default: the latest completed day.", day)
    account_names: tuple[str, ...] = option("--account", (), "Account to export. Repeatable. Default: all.")
    output: str = option(
        "--output",
        "-",
        "File to write; replaced only once it is complete. - is stdout. FILE.gz is compressed.",
        metavar="FILE",
    )
    labels: tuple[tuple[str, str], ...] = option(
        "--label",
        (),
        "Label that Prometheus adds when it scrapes, such as job=openrouter; with focus, a tag. Repeatable.",
        label,
    )
    of_demo: bool = option("--demo", False, "Export the demo's accounts, by default 30 days of them. Needs no key.")
    step: float = option(
        "--step", DEFAULT_STEP, "Time between two samples, with openmetrics.", option_types.step, metavar="DURATION"
    )
    export_period: str = option("--by", "day", "Period of a row, with csv.", choices=("day", "month"))
    allocation_labels: tuple[str, ...] = option(
        "--allocation.label",
        (),
        "Label to sum spend by. Repeatable. Default: allocations.labels of the configuration.",
        allocation_label,
    )


class Command(NamedTuple):
    """What `--help` shows for a command: a summary, an example, and the options, by their fields."""

    summary: str
    example: str
    options: tuple[str, ...]


_LOG = ("log_level", "log_format")
_WEB = (
    *("listen_addresses", "telemetry_path", "route_prefix", "web_config_file"),
    *("systemd_socket", "enable_lifecycle", "shutdown_timeout"),
)
_COMMANDS = {
    "serve": Command(
        "Poll the configured accounts and serve their metrics.",
        "openrouter-exporter serve --config.file=config.yaml --web.listen-address=127.0.0.1:10063",
        (*_LOG, "config_file", "auto_reload_interval", "shard_index", "shard_total", *_WEB),
    ),
    "demo": Command(
        "Serve metrics of simulated accounts. Needs no key, file or network.",
        "openrouter-exporter demo --web.listen-address=127.0.0.1:10063 --fault=status-429:0.3",
        (*_LOG, *_WEB, "faults"),
    ),
    "check-config": Command(
        "Check the configuration and report every mistake in it.",
        "openrouter-exporter check-config --config.file=config.yaml",
        (*_LOG, "config_file", "web_config_file"),
    ),
    "once": Command(
        "Poll every collector once and print the metrics.",
        "openrouter-exporter once --config.file=config.yaml --format=table",
        (*_LOG, "config_file", "once_format"),
    ),
    "export": Command(
        "Write past days of usage to a file, for Prometheus or for finance.",
        "openrouter-exporter export --from=2026-11-01 --label=job=openrouter --output=history.txt",
        (
            *(*_LOG, "config_file", "export_format", "first_day", "last_day", "account_names", "output", "labels"),
            *("of_demo", "step", "export_period"),
        ),
    ),
    "rules": Command(
        "Print recording rules that sum spend by the labels of allocations.",
        "openrouter-exporter rules --allocation.label=team --allocation.label=cost_center",
        (*_LOG, "config_file", "allocation_labels"),
    ),
    "simulate": Command(
        "Run only the simulator of the OpenRouter API.",
        "openrouter-exporter simulate --fault=status-429:0.3",
        (*_LOG, "simulator_addresses", "seed", "endpoints", "faults", "replay"),
    ),
    "healthcheck": Command(
        "Check that the running exporter is healthy. Exits with 1 if not.",
        "openrouter-exporter healthcheck --web.listen-address=127.0.0.1:10063",
        (*_LOG, "listen_addresses", "route_prefix"),
    ),
}


def parse(arguments: list[str], environment: Mapping[str, str]) -> Options:
    """Return the options of a command line. Exit with 2 on wrong usage, with 0 after --help and --version."""
    shows_faults = "--help" in arguments or "-h" in arguments
    return Options(**vars(build_parser(environment, shows_faults=shows_faults).parse_args(arguments)))


def build_parser(environment: Mapping[str, str], *, shows_faults: bool = False) -> argparse.ArgumentParser:
    """Return the parser. `shows_faults` lists the kinds of faults in the help of commands that simulate them."""
    parser = CommandParser(
        {},
        {},
        prog="openrouter-exporter",
        description="Prometheus exporter for what an OpenRouter account spends and has left.",
        epilog=_epilog(
            "openrouter-exporter demo",
            "OPENROUTER_API_KEY=sk-or-v1-... openrouter-exporter serve",
            "openrouter-exporter serve --config.file=config.yaml",
            "openrouter-exporter serve --help",
        ),
    )
    commands = parser.add_subparsers(title="commands", dest="command", required=True, metavar="COMMAND")
    declared: dict[str, Option] = {field.name: field.metadata["option"] for field in fields(Options) if field.metadata}
    for name, command in _COMMANDS.items():
        kinds = f"{_faults_help()}\n\n" if shows_faults and "faults" in command.options else ""
        commands.add_parser(
            name,
            options={field: declared[field] for field in command.options},
            environment=environment,
            help=command.summary,
            description=command.summary,
            epilog=f"{kinds}{_epilog(command.example)}",
        )
    return parser


def _epilog(*examples: str) -> str:
    lines = "".join(f"  {example}\n" for example in examples)
    return f"example{'s' if len(examples) > 1 else ''}:\n{lines}\n{_ENVIRONMENT}"


def _faults_help() -> str:
    from exporter.simulator.faults import kinds_help  # imported only here, to start sooner

    return f"kinds of faults:\n{kinds_help()}"
