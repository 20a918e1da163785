"""Files of comma-separated values: RFC 4180, in UTF-8, with decimals that every program reads."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable
from decimal import Decimal

from exporter.history.output import Output

# A spreadsheet runs text that begins with one of these as a formula, which can send other cells to a stranger. OWASP
# recommends a leading single quote, which spreadsheets hide.
_BEGIN_FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n")


def decimal_text(number: Decimal) -> str:
    """Return a number as plain digits, without an exponent and trailing zeros."""
    text = f"{number:f}"
    if "." in text:
        text = text.rstrip("0").removesuffix(".")
    return "0" if text == "-0" else text


class TableFile:
    """Writes rows to an output, below one line with the columns' names. `number` writes decimals. Raises OSError."""

    def __init__(self, output: Output, columns: Iterable[str], number: Callable[[Decimal], str] = decimal_text) -> None:
        self._output = output
        self._number = number
        self._writer = csv.writer(self)
        self._writer.writerow(columns)

    def write(self, text: str) -> None:
        """Write a row's text. The csv module calls this."""
        self._output.write(text.encode())

    def add(self, values: Iterable[str | Decimal | None]) -> None:
        """Add a row. Text that a spreadsheet would run as a formula gets a leading quote. Raises OSError."""
        self._writer.writerow(self._number(value) if isinstance(value, Decimal) else _text(value) for value in values)


def _text(value: str | None) -> str | None:
    return f"'{value}" if value and value.startswith(_BEGIN_FORMULAS) else value
