"""Parsing options: argparse with defaults from environment variables, and errors that name them."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NoReturn

from exporter.errors import ListenError

PREFIX = "OPENROUTER_EXPORTER_"


class CommandParser(argparse.ArgumentParser):
    """Exits with 2 on wrong usage, after a line with the reason and one on how to get help."""

    def error(self, message: str) -> NoReturn:
        """Print the reason, and exit."""
        self.exit(2, f"{self.prog}: {message}\nTry '{self.prog} --help'.\n")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Refuse what is unknown here, not in the main parser: only the command knows the options that were meant."""
        parsed, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unknown argument {unknown[0]}{self._advice(unknown[0])}")
        return parsed, unknown

    def _advice(self, argument: str) -> str:
        if self._subparsers is not None:
            return "; options follow COMMAND"
        flags = (flag for flag in self._option_string_actions if flag.startswith("--"))
        meant = _closest(argument.partition("=")[0], flags)
        return f"; did you mean {meant}?" if meant else ""

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            meant = _closest(value, action.choices)
            known = f"expected one of {', '.join(action.choices)}"
            raise argparse.ArgumentError(
                None, f"unknown command {value!r}; {f'did you mean {meant}?' if meant else known}"
            )


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Keeps the lines of descriptions, within 100 columns."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=34, width=100)


class OptionAdder:
    """Adds options that fall back on their environment variable."""

    def __init__(self, command: argparse.ArgumentParser, environment: Mapping[str, str]) -> None:
        self._command = command
        # An empty variable counts as unset.
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
        text = self._environment.get(variable(flag))
        source = None if text is None else (variable(flag), text)
        shown = f" Default: {default}." if default else ""
        self._command.add_argument(
            flag,
            dest=name,
            type=_converted(type_, choices, source),
            default=default if text is None else text,
            metavar=metavar or (f"{{{','.join(choices)}}}" if choices else "VALUE"),
            help=_percent(summary + shown),
        )

    def add_repeatable(self, flag: str, name: str, default: str, summary: str, type_: Callable[[str], Any]) -> None:
        """Add an option that can be repeated; the first value replaces the default."""
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
    """Collects values in a tuple; the first one replaces the default."""

    def __call__(self, _parser: Any, namespace: Any, values: Any, _option: str | None = None) -> None:
        given = () if getattr(namespace, self.dest) is self.default else getattr(namespace, self.dest)
        setattr(namespace, self.dest, (*given, values))


def variable(flag: str) -> str:
    """Return the environment variable of an option."""
    return PREFIX + flag.removeprefix("--").replace(".", "_").replace("-", "_").upper()


def _closest(word: str, known: Iterable[str]) -> str | None:
    from exporter.config.diagnostics import closest  # imported only after a mistake: it loads difflib

    return closest(word, known)


def _percent(text: str) -> str:
    return text.replace("%", "%%")


def _converted(
    type_: Callable[[str], Any], choices: tuple[str, ...] | None, variable_: tuple[str, str] | None = None
) -> Callable[[str], Any]:
    """Return the function that converts an option's text; its errors name the environment variable of the text."""

    def convert(text: str) -> Any:
        where = f" (in {variable_[0]})" if variable_ is not None and variable_[1] == text else ""
        if choices is not None and text not in choices:
            raise argparse.ArgumentTypeError(f"expected one of {', '.join(choices)}, got {text!r}{where}")
        try:
            return type_(text)
        except (ValueError, ListenError) as error:
            raise argparse.ArgumentTypeError(f"{error}{where}") from None

    return convert
