"""The types of values: each function returns one, with its text for messages, its reader and its JSON Schema.

A reader raises ValueError if the value doesn't fit. The error's text is a hint, or empty: the caller reports what was
expected and what the file has.
"""

from __future__ import annotations

import glob
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from exporter.config import units
from exporter.config.diagnostics import closest
from exporter.config.yaml_nodes import Scalar

MILLISECOND = 0.001
DAY = 86_400.0
YEAR = 365 * DAY

_YAML_1_1_BOOLEANS = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}
_NUMBER = re.compile(r"[-+]?(\d[\d_]*(\.[\d_]*)?|\.\d+)([eE][-+]?\d+)?|0[xo][0-9a-fA-F]+|\d+(:\d+)+")
# A number to every YAML reader, of version 1.1 and 1.2. `1e5`, `08` and `1:30` are numbers to some only.
_SURE_NUMBER = re.compile(
    r"[-+]?(0|[1-9][0-9]*)|([-+]?[0-9]+\.[0-9]*|\.[0-9]+)([eE][-+][0-9]+)?|0x[0-9a-fA-F]+",
)

_Number = TypeVar("_Number", int, float)


def _unchanged(value: Any) -> Any:
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueType:
    """What a key can be set to.

    `expected` follows the word "expected" in messages. `read` returns the value of a scalar, `show` the text or number
    that a file would have for it. `may_be_secret` keeps a wrong value out of messages.
    """

    expected: str
    read: Callable[[Scalar], Any]
    schema: Mapping[str, Any]
    show: Callable[[Any], Any] = _unchanged
    may_be_secret: bool = False


def boolean() -> ValueType:
    """Return `true` or `false`, without the other spellings of YAML 1.1."""

    def read(scalar: Scalar) -> bool:
        if scalar.plain and scalar.text in ("true", "false"):
            return scalar.text == "true"
        meant = scalar.text.lower()
        if meant in ("true", "false"):
            raise ValueError(f"write {meant}, in small letters and without quotes")
        raise ValueError(f"write {_YAML_1_1_BOOLEANS[meant]}" if meant in _YAML_1_1_BOOLEANS else "")

    return ValueType(expected="true or false", read=read, schema={"type": "boolean"})


def choice(*words: str) -> ValueType:
    """Return the type of one of several words."""

    def read(scalar: Scalar) -> str:
        if scalar.text in words:
            return scalar.text
        meant = closest(scalar.text, words)
        raise ValueError(f"did you mean {meant}?" if meant else "")

    return ValueType(
        expected=f"{'one of ' if len(words) > 1 else ''}{', '.join(words)}", read=read, schema={"enum": list(words)}
    )


def duration(*, minimum: float, maximum: float = YEAR, below: float = math.inf, never: bool = False) -> ValueType:
    """Return the type of seconds, written as a Prometheus duration.

    `below` excludes its bound; `never` allows that word for infinity.
    """

    def read(scalar: Scalar) -> float:
        if never and scalar.text == "never":
            return math.inf
        seconds = _within(units.parse_duration(scalar.text), minimum, maximum)
        if seconds >= below:
            raise ValueError
        return seconds

    def show(value: float) -> str:
        return "never" if value == math.inf else units.format_duration(value)

    least = units.format_duration(minimum)
    most = f"less than {below / 3600:g}h" if below < math.inf else units.format_duration(maximum)
    text = {"type": "string", "pattern": units.DURATION_PATTERN}
    others = [{"const": "never"}] * never + [{"const": 0}] * (minimum == 0)
    return ValueType(
        expected=f"a duration from {least} to {most}, such as 30s or 15m{', or never' if never else ''}",
        read=read,
        schema={"anyOf": [text, *others]} if others else text,
        show=show,
    )


def duration_or(words: Sequence[str], *, minimum: float, maximum: float) -> ValueType:
    """Return the type of seconds, written as a duration, or of one of several words, which stay text."""
    seconds, word = duration(minimum=minimum, maximum=maximum), choice(*words)

    def read(scalar: Scalar) -> float | str:
        if scalar.text in words:
            return scalar.text
        try:
            return float(seconds.read(scalar))
        except ValueError:
            meant = closest(scalar.text, words)
            raise ValueError(f"did you mean {meant}?" if meant else "") from None

    return ValueType(
        expected=f"{seconds.expected}, or {word.expected}",
        read=read,
        schema={"anyOf": [seconds.schema, word.schema]},
        show=lambda value: value if isinstance(value, str) else seconds.show(value),
    )


def size(*, minimum: int, maximum: int) -> ValueType:
    """Return the type of bytes, written with a binary unit."""
    return ValueType(
        expected=f"a size from {units.format_size(minimum)} to {units.format_size(maximum)}, such as 64MiB",
        read=lambda scalar: _within(units.parse_size(scalar.text), minimum, maximum),
        schema={"type": "string", "pattern": units.SIZE_PATTERN},
        show=units.format_size,
    )


def whole_number(*, minimum: int, maximum: int) -> ValueType:
    """Return the type of whole numbers in plain decimal digits."""

    def read(scalar: Scalar) -> int:
        _refuse_quotes(scalar)
        if not re.fullmatch("0|-?[1-9][0-9]{0,17}", scalar.text):
            raise ValueError("plain digits, nothing else" if _NUMBER.fullmatch(scalar.text) else "")
        return _within(int(scalar.text), minimum, maximum)

    return ValueType(
        expected=f"a whole number from {minimum} to {maximum}",
        read=read,
        schema={"type": "integer", "minimum": minimum, "maximum": maximum},
    )


def decimal_number(*, minimum: float, maximum: float) -> ValueType:
    """Return the type of numbers that may have a decimal point."""

    def read(scalar: Scalar) -> float:
        _refuse_quotes(scalar)
        if not re.fullmatch(r"-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,17})?", scalar.text):
            raise ValueError("digits and at most one point, as in 1.5" if _NUMBER.fullmatch(scalar.text) else "")
        return _within(float(scalar.text), minimum, maximum)

    return ValueType(
        expected=f"a number from {minimum:.15g} to {maximum:.15g}",
        read=read,
        schema={"type": "number", "minimum": minimum, "maximum": maximum},
    )


def text(*, longest: int = 128) -> ValueType:
    """Return the type of printable text of a bounded length, without white space around it."""

    def read(scalar: Scalar) -> str:
        refuse_non_text(scalar)
        _refuse_keys(scalar)
        if not 0 < len(scalar.text) <= longest or not scalar.text.isprintable():
            raise ValueError
        if scalar.text != scalar.text.strip():
            raise ValueError("without white space around it")
        return scalar.text

    return ValueType(
        expected=f"text of 1 to {longest} printable characters",
        read=read,
        schema={"type": "string", "minLength": 1, "maxLength": longest},
    )


def matching(form: str, pattern: str, *, may_be_secret: bool = False) -> ValueType:
    """Return the type of text of one form.

    `pattern` covers the whole text, and Python and JavaScript read it alike.
    """

    def read(scalar: Scalar) -> str:
        refuse_non_text(scalar)
        if not re.fullmatch(pattern, scalar.text):
            raise ValueError
        return scalar.text

    return ValueType(
        expected=form, read=read, schema={"type": "string", "pattern": f"^{pattern}$"}, may_be_secret=may_be_secret
    )


def status_code() -> ValueType:
    """Return the type of an HTTP error status, or a class of them; the value is text in capitals."""
    pattern = "[45]([0-9]{2}|[Xx]{2})"

    def read(scalar: Scalar) -> str:
        if not re.fullmatch(pattern, scalar.text):
            raise ValueError
        return scalar.text.upper()

    return ValueType(
        expected="a status from 400 to 599, or 4XX or 5XX",
        read=read,
        schema={
            "anyOf": [
                {"type": "string", "pattern": f"^{pattern}$"},
                {"type": "integer", "minimum": 400, "maximum": 599},
            ]
        },
    )


def file_path(*, must_be_read: bool) -> ValueType:
    """Return the type of a file; a relative path begins at the configuration file.

    `must_be_read` wants the file to be readable now.
    """

    def read(scalar: Scalar) -> Path:
        refuse_non_text(scalar)
        if not scalar.text.isprintable() or not scalar.text.strip():
            raise ValueError
        _refuse_keys(scalar)
        path = scalar.directory / scalar.text if scalar.directory else Path(scalar.text)
        if must_be_read:
            _try_reading(path)
        return path

    return ValueType(
        expected="the path of a file that can be read" if must_be_read else "the path of a file",
        read=read,
        schema={"type": "string", "minLength": 1},
        show=str,
    )


def file_pattern() -> ValueType:
    """Return the type of a path that may have wildcards; a relative one begins at the configuration file."""

    def read(scalar: Scalar) -> str:
        path = file_path(must_be_read=False).read(scalar)
        # Only the text itself may have wildcards.
        return str(path) if scalar.directory is None else str(Path(glob.escape(str(scalar.directory))) / scalar.text)

    return ValueType(expected="a path, such as accounts.d/*.yaml", read=read, schema={"type": "string", "minLength": 1})


def stem_template() -> ValueType:
    """Return the type of a name with `{stem}` in it."""

    def read(scalar: Scalar) -> str:
        template = str(text().read(scalar))
        if "{stem}" not in template or "{" in template.replace("{stem}", ""):
            raise ValueError("nothing else is replaced" if "{" in template else "every file needs a name of its own")
        return template

    return ValueType(
        expected="text with {stem}", read=read, schema={"type": "string", "pattern": r"\{stem\}", "maxLength": 128}
    )


def refuse_non_text(scalar: Scalar) -> None:
    """Raise ValueError for what every YAML reader takes for a number or a boolean: as text it needs quotes."""
    if scalar.plain and (scalar.text in ("true", "false") or _SURE_NUMBER.fullmatch(scalar.text)):
        raise ValueError("with quotes it would be text")


def _refuse_quotes(scalar: Scalar) -> None:
    if not scalar.plain and _NUMBER.fullmatch(scalar.text):
        raise ValueError("without quotes it would be a number")


def _refuse_keys(scalar: Scalar) -> None:
    if scalar.text.startswith("sk-or-"):
        raise ValueError("never write a key in this file; use api_key_env, or a file with the key")


def _within(value: _Number, minimum: _Number, maximum: _Number) -> _Number:
    if not minimum <= value <= maximum:
        raise ValueError
    return value


def _try_reading(path: Path) -> None:
    try:
        # Checked first, because opening a pipe would wait for its other end.
        if path.exists() and not path.is_file():
            raise ValueError(f"{path} is not a regular file")
        with path.open("rb") as file:
            file.read(1)
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}") from None
