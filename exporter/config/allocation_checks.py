"""Checks of allocations as a whole: labels that are not declared, and rules that earlier ones make useless."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from exporter.config.allocation_settings import AllocationRule, Allocations
from exporter.config.diagnostics import closest, quoted
from exporter.config.reader import Reader

DECLARED, RULES = "allocations.labels", "allocations.rules"

_ANYTHING = (".*", ".+", "^.*$", "^.+$", "(.*)", "(.+)")
_LITERAL = re.compile(r"[\w @/:-]*")


def check_labels(labels: Mapping[str, str], declared: Collection[str], path: str, reader: Reader[Any]) -> None:
    """Report labels that `allocations.labels` does not declare."""
    for name in labels if reader.is_readable(DECLARED) else ():
        if name not in declared:
            reader.mistake(f"{path}.{name}", f"unknown label {quoted(name)}; {_remedy(name, declared)}")


def _remedy(name: str, declared: Collection[str]) -> str:
    if not declared:
        return f"declare it in {DECLARED}"
    meant = closest(name, declared)
    return f"did you mean {meant}?" if meant else f"{DECLARED} has {', '.join(declared)}"


def check_rules(allocations: Allocations, reader: Reader[Any]) -> None:
    """Report labels of rules that are not declared."""
    for index, rule in enumerate(allocations.rules):
        check_labels(rule.labels, allocations.labels, f"{RULES}[{index}].labels", reader)


def useless_rules(rules: Iterable[AllocationRule], file_name: str, reader: Reader[Any]) -> Iterator[str]:
    """Yield a warning for each rule whose labels earlier rules always set.

    Only simple cases are recognised: the same expression, an expression for any name, or a longer prefix.
    """
    before: list[AllocationRule] = []
    for index, rule in enumerate(rules):
        wider = [number for number, earlier in enumerate(before) if _covers(earlier, rule)]
        needed = [number for number in wider if before[number].labels.keys() & rule.labels.keys()]
        if needed and rule.labels.keys() <= {name for number in wider for name in before[number].labels}:
            line, column = reader.position_of(f"{RULES}[{index}]")
            lines = [f"{RULES}[{number}] (line {reader.position_of(f'{RULES}[{number}]').line})" for number in needed]
            yield (
                f"{file_name}:{line}:{column}: {RULES}[{index}] has no effect, because earlier rules always match: "
                f"{', '.join(lines)}"
            )
        before.append(rule)


def _covers(earlier: AllocationRule, later: AllocationRule) -> bool:
    """Return whether the earlier rule is known to match everything that the later one matches."""
    narrower = later.conditions
    return all(
        dimension in narrower and _is_wider(pattern, narrower[dimension])
        for dimension, pattern in earlier.conditions.items()
    )


def _is_wider(pattern: re.Pattern[str], narrower: re.Pattern[str]) -> bool:
    if pattern.pattern in (*_ANYTHING, narrower.pattern):
        return True
    start = _literal_start(narrower.pattern)
    if start == narrower.pattern:
        return pattern.fullmatch(start) is not None
    prefix = _literal_start(pattern.pattern)
    return bool(prefix) and pattern.pattern == f"{prefix}.*" and start.startswith(prefix)


def _literal_start(expression: str) -> str:
    """Return text that every match of an expression begins with, as far as its characters are literal."""
    if "|" in expression:
        return ""
    start = _LITERAL.match(expression)
    length = 0 if start is None else start.end()
    return expression[: length - 1 if expression[length : length + 1] in ("*", "?", "{", "+") else length]
