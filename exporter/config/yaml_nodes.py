"""YAML text as a tree of nodes with their positions.

The tree is built from the parser's events, and its depth and the expansion of aliases are limited, so that no input can
take long. Values stay text: what `1:30`, `no` or `0777` means depends on the key, not on YAML 1.1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from exporter.config.diagnostics import Position, Report

LARGEST_FILE = 256 * 1024
TOO_LONG = f"longer than {LARGEST_FILE // 1024}KiB; this can't be a configuration"
_DEEPEST = 32
_MOST_NODES = 50_000
_TEXT_TAGS = ("!", "tag:yaml.org,2002:str")
_NULLS = ("", "~", "null", "Null", "NULL")

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
# These are reported at the position where the quote or bracket opens.
_UNCLOSED = (
    ("unexpected end of stream", "this quote is never closed"),
    ("document separator", "this quote is never closed"),
    ("expected ',' or ']'", "this [ is never closed, or a comma is missing between its items"),
    ("expected ',' or '}'", "this { is never closed, or a comma is missing between its keys"),
)


@dataclass(slots=True)
class Scalar:
    """One value. `plain` means without quotes; a relative path in it begins at `directory`."""

    position: Position
    text: str
    plain: bool
    directory: Path | None = None

    @property
    def is_null(self) -> bool:
        """Whether this is `null`, `~`, or empty without quotes."""
        return self.plain and self.text in _NULLS


@dataclass(slots=True)
class SequenceNode:
    """A list."""

    position: Position
    items: list[Node] = field(default_factory=list)
    size: int = 1

    def take(self, node: Node) -> None:
        """Append a node."""
        self.items.append(node)


@dataclass(slots=True)
class MappingNode:
    """Keys and values in the file's order, duplicates included."""

    position: Position
    pairs: list[tuple[Node, Node]] = field(default_factory=list)
    size: int = 1
    _key: Node | None = None

    def take(self, node: Node) -> None:
        """Add a key or, after a key, its value."""
        if self._key is None:
            self._key = node
        else:
            self.pairs.append((self._key, node))
            self._key = None


Node = Scalar | SequenceNode | MappingNode


def read_tree(text: str, directory: Path | None, report: Report) -> Node:
    """Return the only document in the text; an empty text is an empty value.

    Raise ConfigurationError if there is no tree. Other mistakes are only added to the report.
    """
    if len(text) > LARGEST_FILE:
        report.add(Position(1, 1), TOO_LONG)
        raise report.error()
    composer = _Composer(directory, report)
    for event in _events(text, report):
        if isinstance(event, yaml.DocumentStartEvent) and composer.root is not None:
            report.add(_position(event), "a second YAML document begins here; expected only one")
            break
        composer.feed(event)
    return composer.root or Scalar(Position(1, 1), "", plain=True, directory=directory)


class _Composer:
    """Builds nodes from events, without recursion."""

    def __init__(self, directory: Path | None, report: Report) -> None:
        self.root: Node | None = None
        self._directory = directory
        self._report = report
        self._open: list[SequenceNode | MappingNode] = []
        self._anchors: dict[str, Node] = {}

    def feed(self, event: yaml.Event) -> None:
        match event:
            case yaml.AliasEvent():
                self._attach(self._anchored(event))
            case yaml.ScalarEvent():
                self._attach(self._named(event, self._scalar(event)))
            case yaml.SequenceStartEvent():
                self._descend(event, SequenceNode(_position(event)))
            case yaml.MappingStartEvent():
                self._descend(event, MappingNode(_position(event)))
            case yaml.CollectionEndEvent():
                self._attach(self._open.pop())
            case _:
                pass

    def _scalar(self, event: yaml.ScalarEvent) -> Scalar:
        position = _position(event)
        try:
            # JSON writes some characters as two escapes, which the parser does not join.
            text = event.value.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError:
            self._report.add(position, "half of a surrogate pair, which is not a character; write the character itself")
            raise self._report.error() from None
        is_plain = event.style is None and event.tag not in _TEXT_TAGS
        self._check_tag(event)
        return Scalar(position, text, is_plain, self._directory)

    def _descend(self, event: yaml.CollectionStartEvent, node: SequenceNode | MappingNode) -> None:
        self._check_tag(event)
        if len(self._open) >= _DEEPEST:
            self._report.add(node.position, f"nested more than {_DEEPEST} levels deep; no key needs that")
            raise self._report.error()
        self._open.append(node)
        self._named(event, node)

    def _attach(self, node: Node) -> None:
        size = 1 if isinstance(node, Scalar) else node.size
        if not self._open:
            self.root = node
            return
        parent = self._open[-1]
        parent.take(node)
        parent.size += size
        if parent.size > _MOST_NODES:
            self._report.add(node.position, f"more than {_MOST_NODES} values, including those of aliases")
            raise self._report.error()

    def _named(self, event: yaml.NodeEvent, node: Node) -> Node:
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _anchored(self, event: yaml.AliasEvent) -> Node:
        node = self._anchors.get(event.anchor or "")
        if node is None:
            self._report.add(
                _position(event),
                "alias (*) of an anchor (&) that isn't defined above; text needs quotes",
            )
            raise self._report.error()
        if any(node is holder for holder in self._open):
            self._report.add(_position(event), "alias (*) of a value that contains it")
            raise self._report.error()
        return node

    def _check_tag(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> None:
        if event.tag is not None and event.tag not in _TEXT_TAGS:
            self._report.add(_position(event), "YAML tags (!) aren't supported; text that begins with ! needs quotes")


def _events(text: str, report: Report) -> Iterator[yaml.Event]:
    # The parser in Python rather than libyaml's: its messages are the same on every machine.
    try:
        loader = yaml.SafeLoader(text)
    except yaml.reader.ReaderError as error:
        report.add(_position_at(text, error.position), f"the character {chr(int(error.character))!r} can't be in YAML")
        raise report.error() from None
    try:
        while loader.check_event():
            yield loader.get_event()  # type: ignore[no-untyped-call]
    except yaml.MarkedYAMLError as error:
        report.add(*_explained(error))
        raise report.error() from None
    except (ValueError, OverflowError):
        # The parser raises these for numbers that are not characters, as in "\UFFFFFFFF".
        report.add(Position(loader.line + 1, loader.column + 1), "not YAML: an escape that is not a character")
        raise report.error() from None
    finally:
        loader.dispose()


def _position(event: yaml.Event) -> Position:
    return _position_of_mark(event.start_mark)


def _position_at(text: str, offset: int) -> Position:
    return Position(text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset))


def _explained(error: yaml.MarkedYAMLError) -> tuple[Position, str]:
    """Return the position and description of an error."""
    problem = error.problem or "it can't be read"
    for part, meaning in _UNCLOSED:
        if part in problem:
            return _position_of_mark(error.context_mark or error.problem_mark), f"not YAML: {meaning}"
    meanings = (meaning for part, meaning in _PROBLEMS if part in problem)
    return _position_of_mark(error.problem_mark or error.context_mark), f"not YAML: {next(meanings, problem)}"


def _position_of_mark(mark: yaml.error.Mark | yaml._yaml.Mark | None) -> Position:
    """Return the position of the parser's mark, or the beginning of the file without one."""
    return Position(1, 1) if mark is None else Position(mark.line + 1, mark.column + 1)
