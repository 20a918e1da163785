"""The kinds of values a key can take: how each is read, shown, and told to an editor.

A kind's `read` raises ValueError where a value doesn't fit. The error's text is a hint, or empty: what was expected and
what was found is said by the caller.
"""

# ruff: noqa: D102 - what a method means is said once, by Kind

from __future__ import annotations

import abc
import math
import re
from dataclasses import dataclass
from typing import Any, TypeVar

from exporter.config import units
from exporter.config.diagnostics import closest
from exporter.config.yaml_nodes import Scalar

MILLISECOND = 0.001
DAY = 86_400.0
YEAR = 365 * DAY

Number = TypeVar("Number", int, float)

_YAML_1_1_BOOLEANS = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}
_NUMBER = re.compile(r"[-+]?(\d[\d_]*(\.[\d_]*)?|\.\d+)([eE][-+]?\d+)?|0[xo][0-9a-fA-F]+|\d+(:\d+)+")
# What is a number to every YAML reader, of version 1.1 and of 1.2; `1e5`, `08` and `1:30` are to some only.
_SURE_NUMBER = re.compile(
    r"[-+]?(0|[1-9][0-9]*)|([-+]?[0-9]+\.[0-9]*|\.[0-9]+)([eE][-+][0-9]+)?|0x[0-9a-fA-F]+",
)


class ValueType(abc.ABC):
    """What a key can be set to."""

    __slots__ = ()

    is_shown: bool = True  # False where what stands in the file by mistake may well be a secret

    @property
    @abc.abstractmethod
    def expected(self) -> str:
        """What to write, to be read after the word "expected"."""

    @abc.abstractmethod
    def read(self, scalar: Scalar) -> Any:
        """Return the value. Raise ValueError, with a hint where there is one, if it doesn't fit."""

    @abc.abstractmethod
    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of what can be written."""

    def show(self, value: Any) -> Any:
        """Return the value as it is written in a file."""
        return value


@dataclass(frozen=True, slots=True)
class Boolean(ValueType):
    """`true` or `false`, and none of the other spellings of YAML 1.1."""

    @property
    def expected(self) -> str:
        return "true or false"

    def read(self, scalar: Scalar) -> bool:
        if scalar.plain and scalar.text in ("true", "false"):
            return scalar.text == "true"
        meant = scalar.text.lower()
        if meant in ("true", "false"):
            raise ValueError(f"write {meant}, in small letters and without quotes")
        raise ValueError(f"write {_YAML_1_1_BOOLEANS[meant]}" if meant in _YAML_1_1_BOOLEANS else "")

    def schema(self) -> dict[str, Any]:
        return {"type": "boolean"}


@dataclass(frozen=True, slots=True)
class Choice(ValueType):
    """One word of a few."""

    words: tuple[str, ...]

    @property
    def expected(self) -> str:
        return f"one of {', '.join(self.words)}"

    def read(self, scalar: Scalar) -> str:
        if scalar.text in self.words:
            return scalar.text
        meant = closest(scalar.text, self.words)
        raise ValueError(f"did you mean {meant}?" if meant else "")

    def schema(self) -> dict[str, Any]:
        return {"enum": list(self.words)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Duration(ValueType):
    """Seconds, written as a Prometheus duration. `below` excludes its bound; `never` allows that word for infinity."""

    minimum: float
    maximum: float = YEAR
    below: float = math.inf
    never: bool = False

    @property
    def expected(self) -> str:
        least = units.format_duration(self.minimum)
        most = f"less than {self.below / 3600:g}h" if self.below < math.inf else units.format_duration(self.maximum)
        return f"a duration from {least} to {most}, such as 30s or 15m{', or never' if self.never else ''}"

    def read(self, scalar: Scalar) -> float:
        if self.never and scalar.text == "never":
            return math.inf
        seconds = units.parse_duration(scalar.text)
        if not self.minimum <= seconds <= self.maximum or seconds >= self.below:
            raise ValueError
        return seconds

    def show(self, value: float) -> str:
        return "never" if value == math.inf else units.format_duration(value)

    def schema(self) -> dict[str, Any]:
        written: dict[str, Any] = {"type": "string", "pattern": units.DURATION_PATTERN}
        others: list[dict[str, Any]] = [{"const": "never"}] if self.never else []
        others += [{"const": 0}] if self.minimum == 0 else []
        return {"anyOf": [written, *others]} if others else written


@dataclass(frozen=True, slots=True, kw_only=True)
class Size(ValueType):
    """Bytes, written with a binary unit."""

    minimum: int
    maximum: int

    @property
    def expected(self) -> str:
        return f"a size from {units.format_size(self.minimum)} to {units.format_size(self.maximum)}, such as 64MiB"

    def read(self, scalar: Scalar) -> int:
        return _within(units.parse_size(scalar.text), self.minimum, self.maximum)

    def show(self, value: int) -> str:
        return units.format_size(value)

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": units.SIZE_PATTERN}


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeNumber(ValueType):
    """A whole number in plain decimal digits."""

    minimum: int
    maximum: int

    @property
    def expected(self) -> str:
        return f"a whole number from {self.minimum} to {self.maximum}"

    def read(self, scalar: Scalar) -> int:
        _refuse_quotes(scalar)
        if not re.fullmatch("0|-?[1-9][0-9]{0,17}", scalar.text):
            raise ValueError("plain digits, nothing else" if _NUMBER.fullmatch(scalar.text) else "")
        return _within(int(scalar.text), self.minimum, self.maximum)

    def schema(self) -> dict[str, Any]:
        return {"type": "integer", "minimum": self.minimum, "maximum": self.maximum}


@dataclass(frozen=True, slots=True, kw_only=True)
class DecimalNumber(ValueType):
    """A number that may have a decimal point."""

    minimum: float
    maximum: float

    @property
    def expected(self) -> str:
        return f"a number from {self.minimum:.15g} to {self.maximum:.15g}"

    def read(self, scalar: Scalar) -> float:
        _refuse_quotes(scalar)
        if not re.fullmatch(r"-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,17})?", scalar.text):
            raise ValueError("digits and at most one point, as in 1.5" if _NUMBER.fullmatch(scalar.text) else "")
        return _within(float(scalar.text), self.minimum, self.maximum)

    def schema(self) -> dict[str, Any]:
        return {"type": "number", "minimum": self.minimum, "maximum": self.maximum}


def refuse_non_text(scalar: Scalar) -> None:
    """Raise ValueError where every YAML reader sees a number or a truth value: the same text needs quotes."""
    if scalar.plain and (scalar.text in ("true", "false") or _SURE_NUMBER.fullmatch(scalar.text)):
        raise ValueError("with quotes it would be text")


def _refuse_quotes(scalar: Scalar) -> None:
    if not scalar.plain and _NUMBER.fullmatch(scalar.text):
        raise ValueError("without quotes it would be a number")


def _within(value: Number, minimum: Number, maximum: Number) -> Number:
    if not minimum <= value <= maximum:
        raise ValueError
    return value
