"""Files of comma-separated values: RFC 4180, in UTF-8, with decimals that every program reads."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from decimal import Decimal

from exporter.history.output import Output


class TableFile:
    """Writes rows to an output, below one line with the columns' names. Raises OSError."""

    def __init__(self, output: Output, columns: Iterable[str]) -> None:
        self._output = output
        self._writer = csv.writer(self)
        self._writer.writerow(columns)

    def write(self, text: str) -> None:
        """Write a row's text; the writer of rows calls this."""
        self._output.write(text.encode())

    def add(self, values: Iterable[str | Decimal | None]) -> None:
        """Add a row. Raises OSError."""
        self._writer.writerow(decimal_text(value) if isinstance(value, Decimal) else value for value in values)


def decimal_text(number: Decimal) -> str:
    """Return a number as plain digits, without an exponent and without zeros behind the last digit that counts."""
    text = f"{number:f}"
    if "." in text:
        text = text.rstrip("0").removesuffix(".")
    return "0" if text == "-0" else text
