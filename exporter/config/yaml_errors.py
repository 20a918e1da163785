"""The YAML parser's complaints, said so that they help."""

from __future__ import annotations

import yaml

from exporter.config.diagnostics import Place

# What the parser says, and what the writer of the file needs to hear.
_PROBLEMS = (
    ("'\\t'", "a tab stands here; YAML is indented with spaces"),
    (
        "mapping values are not allowed",
        "no value can begin at this colon; check the indentation, the quotes, and that the line above has its colon",
    ),
    ("expected <block end>", "the indentation fits no line above"),
    ("could not find expected ':'", "a key needs a colon and a space after it, as in `key: value`"),
    ("sequence entries are not allowed", "a list item (-) can't begin here; it needs a line of its own"),
    ("expected the node content", "a value is missing here"),
    ("cannot start any token", "a text that begins with this character needs quotes"),
    ("tag handle", "YAML tags (!) mean nothing here; a text that begins with ! needs quotes"),
)
# Of these the beginning is the place to look at, not the end of the file.
_UNCLOSED = (
    ("unexpected end of stream", "a quote opens here and never closes"),
    ("document separator", "a quote opens here and never closes"),
    ("expected ',' or ']'", "a [ opens here; its items need commas between them and a ] at the end"),
    ("expected ',' or '}'", "a { opens here; its keys need commas between them and a } at the end"),
)


def explain(error: yaml.MarkedYAMLError) -> tuple[Place, str]:
    """Return where to look and what is wrong there."""
    problem = error.problem or "it can't be read"
    for said, meant in _UNCLOSED:
        if said in problem:
            return place_of_mark(error.context_mark or error.problem_mark), f"not YAML: {meant}"
    meanings = (meant for said, meant in _PROBLEMS if said in problem)
    return place_of_mark(error.problem_mark or error.context_mark), f"not YAML: {next(meanings, problem)}"


def place_of_mark(mark: yaml.error.Mark | yaml._yaml.Mark | None) -> Place:
    """Return the place of the parser's mark, or the beginning where it sets none."""
    return Place(1, 1) if mark is None else Place(mark.line + 1, mark.column + 1)
