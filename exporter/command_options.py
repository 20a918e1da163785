"""The options of each command."""

from __future__ import annotations

from pathlib import Path

from exporter.option_parser import OptionAdder
from exporter.option_types import allocation_label, at_least_one, day, duration, label, shard_index, step, whole_number
from exporter.web.listen import parse_address
from exporter.web.web_settings import route_prefix, telemetry_path

ONCE_FORMATS = ("metrics", "table")
EXPORT_FORMATS = ("openmetrics", "csv", "focus")
EXPORT_PERIODS = ("day", "month")
DEFAULT_ADDRESS = ":10063"
SIMULATOR_ADDRESS = "127.0.0.1:10064"


def serve(options: OptionAdder) -> None:
    """Add the options of `serve`."""
    _config_file(options)
    options.add(
        "--config.auto-reload-interval",
        "auto_reload_interval",
        "0s",
        "How often to check the configuration, account files and key files for changes; 0s is never.",
        type_=duration,
        metavar="DURATION",
    )
    options.add(
        "--shard.index",
        "shard_index",
        "0",
        "Index of this exporter's shard: a number below --shard.total, or a name that ends in one, such as that of a "
        "StatefulSet's pod.",
        type_=shard_index,
        metavar="INDEX",
    )
    options.add(
        "--shard.total",
        "shard_total",
        "1",
        "Number of exporters that share the accounts of the configuration.",
        type_=at_least_one,
        metavar="NUMBER",
    )
    _web(options)


def once(options: OptionAdder) -> None:
    """Add the options of `once`."""
    _config_file(options)
    options.add(
        "--format",
        "once_format",
        "metrics",
        "metrics is the exposition; table is a summary for people: accounts, budgets, top models and keys.",
        choices=ONCE_FORMATS,
    )


def check_config(options: OptionAdder) -> None:
    """Add the options of `check-config`."""
    _config_file(options)
    _web_config_file(options)


def simulate(options: OptionAdder) -> None:
    """Add the options of `simulate`."""
    _listen_address(options, SIMULATOR_ADDRESS)
    options.add("--seed", "seed", None, "Seed for the simulated account.", type_=whole_number, metavar="NUMBER")
    options.add(
        "--endpoints", "endpoints", None, "Number of endpoints with usage.", type_=at_least_one, metavar="NUMBER"
    )
    _fault(options)
    options.add("--replay", "replay", None, "Serve this recorded response instead.", type_=Path, metavar="FILE")


def demo(options: OptionAdder) -> None:
    """Add the options of `demo`."""
    _web(options)
    _fault(options)


def export(options: OptionAdder) -> None:
    """Add the options of `export`."""
    _config_file(options)
    options.add(
        "--format",
        "export_format",
        "openmetrics",
        "openmetrics is for Prometheus: past days as /metrics showed them. csv and focus are for finance: usage by "
        "endpoint and day as in the API, or as charges in FOCUS 1.2.",
        choices=EXPORT_FORMATS,
    )
    options.add("--from", "first_day", None, "First UTC day of usage. Default: the oldest that the API has.", type_=day)
    options.add("--to", "last_day", None, "Last UTC day of usage. Default: the latest completed day.", type_=day)
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
        label,
    )
    options.add_switch("--demo", "of_demo", "Export the demo's accounts, by default 30 days of them. Needs no key.")
    options.add("--step", "step", "5m", "Time between two samples, with openmetrics.", type_=step, metavar="DURATION")
    options.add("--by", "export_period", "day", "Period of a row, with csv.", choices=EXPORT_PERIODS)


def rules(options: OptionAdder) -> None:
    """Add the options of `rules`."""
    _config_file(options)
    options.add_repeatable(
        "--allocation.label",
        "allocation_labels",
        "",
        "Label to sum spend by. Repeatable. Default: allocations.labels of the configuration.",
        allocation_label,
    )


def healthcheck(options: OptionAdder) -> None:
    """Add the options of `healthcheck`."""
    _listen_address(options, DEFAULT_ADDRESS)
    _route_prefix(options)


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
        type_=duration,
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


def _fault(options: OptionAdder) -> None:
    options.add_repeatable(
        "--fault",
        "faults",
        "",
        "Fault of the API to simulate: KIND[:PROBABILITY], with a kind from the list below. Repeatable.",
        str,
    )
