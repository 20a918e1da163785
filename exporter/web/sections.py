"""Reading a YAML section key by key: what is there, what is missing, what doesn't belong."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from exporter.config.diagnostics import Place, Report, closest, quoted, shown
from exporter.config.yaml_nodes import MappingNode, Node, Scalar, SequenceNode

_TRUE = ("true", "yes", "on", "y")
_FALSE = ("false", "no", "off", "n")


@dataclass(slots=True)
class Section:
    """One section of a file. Reading a key that isn't as it should be notes a mistake and returns the default."""

    path: str
    place: Place
    report: Report
    values: dict[str, Node] = field(default_factory=dict)

    def mistake(self, name: str, message: str) -> None:
        """Note a mistake about a key."""
        node = self.values.get(name)
        self.report.add(node.place if node is not None else self.place, f"{self.path_of(name)}: {message}")

    def path_of(self, name: str) -> str:
        """Return a key with the sections that it is in."""
        return f"{self.path}.{name}" if self.path else name

    def section(self, name: str, known: Collection[str] | None) -> Section:
        """Return a section in this one, empty if it isn't there."""
        node = self.values.get(name)
        if node is None:
            return Section(self.path_of(name), self.place, self.report)
        return read_section(node, self.path_of(name), known, self.report)

    def text(self, name: str) -> str:
        """Return a text, empty if it isn't there."""
        node = self.values.get(name)
        if node is None or (isinstance(node, Scalar) and node.is_null):
            return ""
        if isinstance(node, Scalar):
            return node.text
        self.mistake(name, f"expected a text; found {_kind(node)}")
        return ""

    def choice(self, name: str, choices: Collection[str], default: str) -> str:
        """Return one of some words, the default if it isn't there."""
        found = self.text(name)
        if not found:
            return default
        if found not in choices:
            self.mistake(name, f"expected {_either(choices)}; found {quoted(found)}")
            return default
        return found

    def choices(self, name: str, choices: Collection[str]) -> tuple[str, ...]:
        """Return a list of some words."""
        for place, found in (entries := self.texts(name)):
            if found not in choices:
                message = f"unknown name {quoted(found)}{_meant(found, choices)}"
                self.report.add(place, f"{self.path_of(name)}: {message}")
        return tuple(found for _, found in entries if found in choices)

    def texts(self, name: str) -> list[tuple[Place, str]]:
        """Return a list of texts with their places."""
        node = self.values.get(name)
        if node is None or (isinstance(node, Scalar) and node.is_null):
            return []
        if not isinstance(node, SequenceNode):
            self.mistake(name, f"expected a list; found {_kind(node)}")
            return []
        for item in node.items:
            if not isinstance(item, Scalar):
                self.report.add(item.place, f"{self.path_of(name)}: expected a text; found {_kind(item)}")
        return [(item.place, item.text) for item in node.items if isinstance(item, Scalar)]

    def flag(self, name: str, *, default: bool) -> bool:
        """Return true or false."""
        found = self.text(name).lower()
        if not found or found in _TRUE or found in _FALSE:
            return found in _TRUE if found else default
        self.mistake(name, f"expected true or false; found {quoted(found)}")
        return default


def read_section(node: Node, path: str, known: Collection[str] | None, report: Report) -> Section:
    """Return a node as a section; `known` None takes any key."""
    section = Section(path, node.place, report)
    if isinstance(node, Scalar) and node.is_null:
        return section
    if not isinstance(node, MappingNode):
        report.add(node.place, f"{path or 'the file'}: expected a section of keys; found {_kind(node)}")
        return section
    for key, value in node.pairs:
        if not isinstance(key, Scalar):
            report.add(key.place, f"{path or 'the file'}: a key must be one word; found {_kind(key)}")
        elif key.text in section.values:
            report.add(key.place, f"{section.path_of(shown(key.text))} is given twice")
        elif known is not None and key.text not in known:
            what = f"unknown key {quoted(section.path_of(key.text))}"
            report.add(key.place, what + (_meant(key.text, known) or f"; known here: {', '.join(known)}"))
        else:
            section.values[key.text] = value
    return section


def _kind(node: Node) -> str:
    if isinstance(node, SequenceNode):
        return "a list"
    return "a section of keys" if isinstance(node, MappingNode) else "a text"


def _either(choices: Collection[str]) -> str:
    *others, last = choices
    return f"{', '.join(others)} or {last}" if others else last


def _meant(found: str, known: Collection[str]) -> str:
    meant = closest(found, known)
    return f"; did you mean {meant}?" if meant else ""
