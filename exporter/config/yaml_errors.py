"""The YAML parser's errors, in words that help."""

from __future__ import annotations

import yaml

from exporter.config.diagnostics import Position

# Parts of the parser's messages, and what to report instead.
_PROBLEMS = (
    ("'\\t'", "tab; YAML is indented with spaces"),
    (
        "mapping values are not allowed",
        "a value can't begin at this colon; check the indentation, the quotes, and the colon of the line above",
    ),
    ("expected <block end>", "the indentation does not match any line above"),
    ("could not find expected ':'", "a key needs a colon and a space after it, as in `key: value`"),
    ("sequence entries are not allowed", "a list item (-) can't begin here; put it on a line of its own"),
    ("expected the node content", "a value is missing here"),
    ("cannot start any token", "text that begins with this character needs quotes"),
    ("tag handle", "YAML tags (!) aren't supported; text that begins with ! needs quotes"),
)
# For these, the error is reported where the quote or bracket opens.
_UNCLOSED = (
    ("unexpected end of stream", "this quote is never closed"),
    ("document separator", "this quote is never closed"),
    ("expected ',' or ']'", "this [ is never closed, or a comma is missing between its items"),
    ("expected ',' or '}'", "this { is never closed, or a comma is missing between its keys"),
)


def explain(error: yaml.MarkedYAMLError) -> tuple[Position, str]:
    """Return the position and description of an error."""
    problem = error.problem or "it can't be read"
    for said, meant in _UNCLOSED:
        if said in problem:
            return position_of_mark(error.context_mark or error.problem_mark), f"not YAML: {meant}"
    meanings = (meant for said, meant in _PROBLEMS if said in problem)
    return position_of_mark(error.problem_mark or error.context_mark), f"not YAML: {next(meanings, problem)}"


def position_of_mark(mark: yaml.error.Mark | yaml._yaml.Mark | None) -> Position:
    """Return the position of the parser's mark, or the beginning of the file without one."""
    return Position(1, 1) if mark is None else Position(mark.line + 1, mark.column + 1)
