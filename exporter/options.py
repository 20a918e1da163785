"""Commands and options, in the dotted style of the Prometheus exporters; each option has an environment variable.

`OPENROUTER_EXPORTER_<OPTION>`, dots and dashes as underscores. A repeatable option takes several values from its
variable, separated by commas. No option takes a secret.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from exporter import __version__
from exporter.config.units import parse_duration
from exporter.errors import ListenError
from exporter.web.listen import ListenAddress, parse_address
from exporter.web.web_settings import route_prefix, telemetry_path

if TYPE_CHECKING:
    from exporter.log import LogFormat  # imports structlog, which `healthcheck` does without

LOG_FORMATS: tuple[LogFormat, ...] = ("auto", "console", "json", "logfmt")
LOG_LEVELS = ("debug", "info", "warning", "error")
PREFIX = "OPENROUTER_EXPORTER_"
DEFAULT_ADDRESS = ":10063"
SIMULATOR_ADDRESS = "127.0.0.1:10064"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The command line, parsed. What a command doesn't take has its default."""

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


class _Parser(argparse.ArgumentParser):
    """Exits with 2 on wrong usage, with a line that says what is wrong and how to get help."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\nTry '{self.prog} --help'.\n")


class _Help(argparse.RawDescriptionHelpFormatter):
    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=34, width=100)


def parse(arguments: list[str], environment: Mapping[str, str]) -> Options:
    """Return the options of a command line. Exits with 2 on wrong usage, with 0 after --help and --version."""
    chosen = next((argument for argument in arguments if argument in _COMMANDS), None)
    return Options(**vars(build_parser(environment, chosen).parse_args(arguments)))


def build_parser(environment: Mapping[str, str], chosen: str | None = None) -> argparse.ArgumentParser:
    """Return the parser. The defaults of the chosen command come from the environment, which no other looks at."""
    parser = _Parser(
        prog="openrouter-exporter",
        description="Prometheus exporter for what an OpenRouter account uses.",
        formatter_class=_Help,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"openrouter-exporter {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_Parser)
    for name, (summary, add_options) in _COMMANDS.items():
        command = commands.add_parser(
            name, help=summary, description=summary, formatter_class=_Help, allow_abbrev=False
        )
        if name == chosen == "simulate":
            command.epilog = _faults_help()
        command.add_argument("--version", action="version", version=f"openrouter-exporter {__version__}")
        options = _Options(command, environment if name == chosen else {})
        options.add("--log.level", "log_level", "info", f"One of {', '.join(LOG_LEVELS)}.", choices=LOG_LEVELS)
        options.add(
            "--log.format", "log_format", "auto", "auto is console on a terminal, else json.", choices=LOG_FORMATS
        )
        add_options(options)
    return parser


class _Options:
    """Adds options that fall back on their environment variable."""

    def __init__(self, command: argparse.ArgumentParser, environment: Mapping[str, str]) -> None:
        self._command = command
        # A variable that is set to nothing is one that isn't set.
        self._environment = {name: text for name, text in environment.items() if text.strip()}

    def add(
        self,
        flag: str,
        name: str,
        default: str | None,
        summary: str,
        *,
        type_: Callable[[str], Any] = str,
        choices: tuple[str, ...] | None = None,
        metavar: str | None = None,
    ) -> None:
        """Add an option with one value."""
        value = self._environment.get(variable(flag), default)
        shown = f" Default: {default}." if default else ""
        self._command.add_argument(
            flag,
            dest=name,
            type=_converted(type_, choices, self._source(flag)),
            default=value,
            metavar=metavar or (f"{{{','.join(choices)}}}" if choices else "VALUE"),
            help=_percent(summary + shown),
        )

    def _source(self, flag: str) -> tuple[str, str] | None:
        """Return the environment variable of an option and its text, if it is set."""
        text = self._environment.get(variable(flag))
        return None if text is None else (variable(flag), text)

    def add_repeatable(self, flag: str, name: str, default: str, summary: str, type_: Callable[[str], Any]) -> None:
        """Add an option that may be given several times; the first given replaces the default."""
        text = self._environment.get(variable(flag), default)
        convert = _converted(type_, None)
        source = f"environment variable {variable(flag)}" if variable(flag) in self._environment else flag
        try:
            values = tuple(convert(part.strip()) for part in text.split(",") if part.strip())
        except argparse.ArgumentTypeError as error:
            self._command.error(f"{source}: {error}")
        shown = f" Default: {default}." if default else ""
        self._command.add_argument(
            flag,
            dest=name,
            type=convert,
            default=values,
            action=_Collect,
            metavar="VALUE",
            help=_percent(summary + shown),
        )

    def add_switch(self, flag: str, name: str, summary: str) -> None:
        """Add an option that is on or off."""
        text = self._environment.get(variable(flag), "false").lower()
        if text not in ("true", "false"):
            self._command.error(f"environment variable {variable(flag)}: expected true or false, got {text!r}")
        self._command.add_argument(
            flag, dest=name, action=argparse.BooleanOptionalAction, default=text == "true", help=_percent(summary)
        )


class _Collect(argparse.Action):
    """Collects values in a tuple; what was given replaces the default."""

    def __call__(self, _parser: Any, namespace: Any, values: Any, _option: str | None = None) -> None:
        given = () if getattr(namespace, self.dest) is self.default else getattr(namespace, self.dest)
        setattr(namespace, self.dest, (*given, values))


def variable(flag: str) -> str:
    """Return the environment variable of an option."""
    return PREFIX + flag.removeprefix("--").replace(".", "_").replace("-", "_").upper()


def _percent(text: str) -> str:
    return text.replace("%", "%%")


def _converted(
    type_: Callable[[str], Any], choices: tuple[str, ...] | None, variable_: tuple[str, str] | None = None
) -> Callable[[str], Any]:
    """Return what converts an option's text; a mistake that the environment made names its variable."""

    def convert(text: str) -> Any:
        where = f" (in {variable_[0]})" if variable_ is not None and variable_[1] == text else ""
        if choices is not None and text not in choices:
            raise argparse.ArgumentTypeError(f"expected one of {', '.join(choices)}, got {text!r}{where}")
        try:
            return type_(text)
        except (ValueError, ListenError) as error:
            raise argparse.ArgumentTypeError(f"{error}{where}") from None

    return convert


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


def _config_file(options: _Options) -> None:
    options.add(
        "--config.file",
        "config_file",
        None,
        "The configuration, in YAML. Without it, one account named default on OPENROUTER_API_KEY.",
        type_=Path,
        metavar="FILE",
    )


def _web_config_file(options: _Options) -> None:
    options.add(
        "--web.config.file",
        "web_config_file",
        None,
        "TLS, basic auth and headers, in the format of Prometheus' exporter-toolkit.",
        type_=Path,
        metavar="FILE",
    )


def _web(options: _Options) -> None:
    _listen_address(options, DEFAULT_ADDRESS)
    options.add(
        "--web.telemetry-path",
        "telemetry_path",
        "/metrics",
        "Path of the metrics.",
        type_=telemetry_path,
        metavar="PATH",
    )
    _route_prefix(options)
    _web_config_file(options)
    options.add_switch("--web.systemd-socket", "systemd_socket", "Serve on the sockets that systemd hands over.")
    options.add_switch("--web.enable-lifecycle", "enable_lifecycle", "Allow reload by POST to /-/reload.")
    options.add(
        "--shutdown.timeout",
        "shutdown_timeout",
        "10s",
        "How long polls under way may take to end after SIGTERM.",
        type_=_duration,
        metavar="DURATION",
    )


def _listen_address(options: _Options, default: str) -> None:
    options.add_repeatable(
        "--web.listen-address",
        "listen_addresses",
        default,
        "HOST:PORT, :PORT or [IPv6]:PORT. Repeatable.",
        parse_address,
    )


def _route_prefix(options: _Options) -> None:
    options.add("--web.route-prefix", "route_prefix", "", "Prefix of all paths.", type_=route_prefix, metavar="PATH")


def _serve(options: _Options) -> None:
    _config_file(options)
    options.add(
        "--config.auto-reload-interval",
        "auto_reload_interval",
        "0s",
        "How often to look whether the configuration or a key file changed; 0s is never.",
        type_=_duration,
        metavar="DURATION",
    )
    _web(options)


def _check_config(options: _Options) -> None:
    _config_file(options)
    _web_config_file(options)


def _simulate(options: _Options) -> None:
    _listen_address(options, SIMULATOR_ADDRESS)
    options.add("--seed", "seed", None, "Other seeds are other accounts.", type_=_whole_number, metavar="NUMBER")
    options.add("--endpoints", "endpoints", None, "How many endpoints are used.", type_=_at_least_one, metavar="NUMBER")
    options.add_repeatable("--fault", "faults", "", "KIND[:PROBABILITY], one of those below. Repeatable.", str)
    options.add("--replay", "replay", None, "Serve this recorded answer instead.", type_=Path, metavar="FILE")


def _faults_help() -> str:
    from exporter.simulator.faults import kinds_help  # only where it is asked for, to start sooner

    return f"kinds of faults:\n{kinds_help()}"


def _healthcheck(options: _Options) -> None:
    _listen_address(options, DEFAULT_ADDRESS)
    _route_prefix(options)


_COMMANDS: dict[str, tuple[str, Callable[[_Options], None]]] = {
    "serve": ("Poll the accounts of the configuration and serve their metrics.", _serve),
    "demo": ("The same against a built-in simulator of the API: no key, no file, no network.", _web),
    "check-config": ("Read the configuration and say every mistake in it.", _check_config),
    "once": ("Poll every collector once and print the metrics.", _config_file),
    "simulate": ("Only the simulator of the OpenRouter API.", _simulate),
    "healthcheck": ("Ask the running daemon whether it is healthy.", _healthcheck),
}
