"""Parsing the options of a command, from the command line and from environment variables."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from exporter import __version__
from exporter.config.units import format_duration
from exporter.errors import ListenError

PREFIX = "OPENROUTER_EXPORTER_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """An option: its flag, its default, its meaning, and the function that reads a value.

    That function raises ValueError or ListenError with what it expected. An option whose default is a tuple is
    repeatable; one whose default is False is a switch.
    """

    flag: str
    default: Any
    meaning: str
    read: Callable[[str], Any]
    choices: tuple[str, ...]
    metavar: str

    def value(self, text: str) -> Any:
        """Return the value of a text. Raise ArgumentTypeError if it is invalid."""
        if self.choices and text not in self.choices:
            raise argparse.ArgumentTypeError(f"expected one of {', '.join(self.choices)}, got {text!r}")
        try:
            return self.read(text)
        except (ValueError, ListenError) as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    def value_of_variable(self, text: str) -> Any:
        """Return the value of the option's environment variable. Raise ArgumentTypeError if it is invalid."""
        if isinstance(self.default, tuple):
            return tuple(self.value(part.strip()) for part in text.split(",") if part.strip())
        if isinstance(self.default, bool):
            if text.lower() not in ("true", "false"):
                raise argparse.ArgumentTypeError(f"expected true or false, got {text.lower()!r}")
            return text.lower() == "true"
        return self.value(text)

    @property
    def help(self) -> str:
        """The meaning and the default, written as on the command line."""
        match self.default:
            case None | bool():
                shown = ""
            case tuple():
                shown = ",".join(map(str, self.default))
            case float():
                shown = format_duration(self.default)
            case _:
                shown = str(self.default)
        return f"{self.meaning} Default: {shown}." if shown else self.meaning


def option(
    flag: str,
    default: Any,
    meaning: str,
    read: Callable[[str], Any] = str,
    *,
    choices: tuple[str, ...] = (),
    metavar: str = "VALUE",
) -> Any:
    """Declare an option as the field of a dataclass."""
    metavar = f"{{{','.join(choices)}}}" if choices else metavar
    declared = Option(flag=flag, default=default, meaning=meaning, read=read, choices=choices, metavar=metavar)
    return field(default=default, metadata={"option": declared})


class CommandParser(argparse.ArgumentParser):
    """Parses the options of one command. Exits with 2 on wrong usage, after the reason and how to get help.

    `options` are by the names that the result has for them; those that are not given are left out of it.
    """

    def __init__(self, options: Mapping[str, Option], environment: Mapping[str, str], **description: Any) -> None:
        super().__init__(formatter_class=HelpFormatter, allow_abbrev=False, **description)
        self._options = options
        self._environment = environment
        self.add_argument("--version", action="version", version=f"openrouter-exporter {__version__}")
        for name, declared in options.items():
            self._add(name, declared)

    def _add(self, name: str, declared: Option) -> None:
        help_ = declared.help.replace("%", "%%")  # argparse formats it with %
        given: dict[str, Any] = {"dest": name, "default": argparse.SUPPRESS, "help": help_}
        if isinstance(declared.default, bool):
            given |= {"action": argparse.BooleanOptionalAction}
        else:
            given |= {"type": declared.value, "metavar": declared.metavar}
            given |= {"action": _Collect} if isinstance(declared.default, tuple) else {}
        self.add_argument(declared.flag, **given)

    def error(self, message: str) -> NoReturn:
        """Print the reason, and exit."""
        self.exit(2, f"{self.prog}: {message}\nTry '{self.prog} --help'.\n")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Refuse what is unknown here, not in the main parser: only the command knows the options that were meant."""
        parsed, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unknown argument {unknown[0]}{self._advice(unknown[0])}")
        for name, declared in self._options.items():
            text = self._environment.get(variable(declared.flag), "")
            if name not in parsed and text.strip():  # an empty variable counts as unset
                try:
                    setattr(parsed, name, declared.value_of_variable(text))
                except argparse.ArgumentTypeError as error:
                    self.error(f"environment variable {variable(declared.flag)}: {error}")
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


class _Collect(argparse.Action):
    """Collects the values of a repeatable option in a tuple."""

    def __call__(self, _parser: Any, namespace: Any, values: Any, _option: str | None = None) -> None:
        setattr(namespace, self.dest, (*getattr(namespace, self.dest, ()), values))


def variable(flag: str) -> str:
    """Return the environment variable of an option."""
    return PREFIX + flag.removeprefix("--").replace(".", "_").replace("-", "_").upper()


def _closest(word: str, known: Iterable[str]) -> str | None:
    from exporter.config.diagnostics import closest  # imported only after a mistake: it loads difflib

    return closest(word, known)
