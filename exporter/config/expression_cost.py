"""Regular expressions that take a bounded time, whatever name they are compared with.

Python's engine backtracks: `(a+)+b` takes hours for thirty letters. So an expression is read here as Python parses it,
and the number of ways in which it can match a name is bounded from above. One with too many is refused when it is
loaded.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable
from math import comb
from re import _constants, _parser  # type: ignore[attr-defined]  # the only parser of Python's own syntax
from typing import Any, NamedTuple

from exporter.config.value_types import ValueType, refuse_non_text
from exporter.config.yaml_nodes import Scalar

LONGEST_NAME = 128  # characters of a name that are compared
MOST_WAYS = 1_000_000  # 20 ms at worst
_MOST_POWERS = 20
_LONGEST_EXPRESSION = 1000

_REPEATS = (_constants.MAX_REPEAT, _constants.MIN_REPEAT, _constants.POSSESSIVE_REPEAT)
# The index of the sequence in the argument of an operation.
_HOLDS_SEQUENCE = {_constants.SUBPATTERN: 3, _constants.ASSERT: 1, _constants.ASSERT_NOT: 1}


class _Ways(NamedTuple):
    """How many ways there are: `fixed`, times the ways to divide a name among `stars` repetitions without a limit."""

    fixed: int = 1
    stars: int = 0

    @property
    def total(self) -> int:
        return self.fixed * comb(LONGEST_NAME + self.stars, self.stars)


def bounded_expression() -> ValueType:
    """Return the type of a regular expression, in Python's syntax, that cannot explode."""
    return ValueType(
        expected="a regular expression that matches in bounded time",
        read=_read,
        # Not "format": "regex": that is JavaScript's syntax, and Python's is a little wider.
        schema={"type": "string", "minLength": 1, "maxLength": _LONGEST_EXPRESSION},
        show=lambda value: value.pattern,
    )


def _read(scalar: Scalar) -> re.Pattern[str]:
    refuse_non_text(scalar)
    if not scalar.text:
        raise ValueError("an empty one matches no name")
    if len(scalar.text) > _LONGEST_EXPRESSION:
        raise ValueError(f"longer than {_LONGEST_EXPRESSION} characters")
    try:
        with warnings.catch_warnings():
            # Python warns about [[:alpha:]], which does not mean there what it does elsewhere.
            warnings.simplefilter("error")
            pattern = re.compile(scalar.text)
    except (re.error, FutureWarning, DeprecationWarning) as error:
        raise ValueError(str(error)) from None
    except (OverflowError, RecursionError):
        raise ValueError("too large or too deeply nested") from None
    if _of_sequence(_parser.parse(scalar.text)).total > MOST_WAYS:
        raise ValueError("too many repetitions: at most three without a limit, such as .*")
    return pattern


def _of_sequence(items: Iterable[tuple[Any, Any]]) -> _Ways:
    ways = _Ways()
    for operation, argument in items:
        item = _of_item(operation, argument)
        ways = _Ways(ways.fixed * item.fixed, ways.stars + item.stars)
    return ways


def _of_item(operation: Any, argument: Any) -> _Ways:
    if operation in _REPEATS:
        return _of_repeat(*argument)
    if operation is _constants.BRANCH:
        return _of_branch(argument[1])
    if operation is _constants.GROUPREF_EXISTS:
        return _of_branch([branch for branch in argument[1:] if branch is not None])
    if operation in _HOLDS_SEQUENCE:
        return _of_sequence(argument[_HOLDS_SEQUENCE[operation]])
    return _of_sequence(argument) if operation is _constants.ATOMIC_GROUP else _Ways()


def _of_branch(branches: list[Any]) -> _Ways:
    ways = [_of_sequence(branch) for branch in branches]
    stars = max(way.stars for way in ways)
    starts = [branch[0] for branch in branches if len(branch)]
    # With (?i), one letter can begin several branches.
    letters = {chr(code).lower().upper()[:1] for kind, code in starts if kind is _constants.LITERAL}
    if len(letters) == len(branches):  # the first letter decides
        return _Ways(max(way.fixed for way in ways), stars)
    return _Ways(sum(way.fixed for way in ways), stars)


def _of_repeat(least: int, most: int, body: Any) -> _Ways:
    ways = _of_sequence(body)
    most = min(most, LONGEST_NAME + 1) if most is not _constants.MAXREPEAT else LONGEST_NAME + 1
    if ways == _Ways():
        return _Ways(1, 1) if most > LONGEST_NAME else _Ways(max(most - least, 0) + 1)
    if most == 1:
        return _Ways(ways.fixed + (least == 0), ways.stars)
    if most > _MOST_POWERS:
        raise ValueError("repeating something that matches in several ways can take exponential time")
    return _Ways((most - min(least, most) + 1) * ways.fixed**most, ways.stars * most)
