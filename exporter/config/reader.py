"""From nodes to what the file gives: values that fit their keys, each with its place; the rest are mistakes.

Only what is written is in here. Defaults come last, in `build`, so that an account's overrides can be laid over first.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from exporter.config.diagnostics import Place, Report, closest, quoted, shown
from exporter.config.fields import Conflict, Key, ListOf, Settings, every_key, keys_of
from exporter.config.value_types import ValueType
from exporter.config.yaml_nodes import Mapping, Node, Scalar, Sequence

UNREADABLE: Final = object()  # stands for a value whose mistake is told already

_Built = TypeVar("_Built", bound=Settings)


@dataclass(frozen=True, slots=True)
class Given:
    """A value as the file gives it, in which section; `overriding` if it stands in an account's own settings."""

    place: Place
    section: str
    value: Any
    overriding: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """A section as the file gives it: only the keys that are written."""

    place: Place
    path: str
    keys: dict[str, Given | Section] = field(default_factory=dict)

    def value(self, name: str) -> Any:
        """Return the value of a key that isn't a section; None if it isn't given or can't be read."""
        given = self.keys.get(name)
        return given.value if isinstance(given, Given) and given.value is not UNREADABLE else None

    def section(self, name: str) -> Section:
        """Return a section in this one, empty if it isn't given."""
        given = self.keys.get(name)
        return given if isinstance(given, Section) else Section(self.place, _join(self.path, name))

    def place_of(self, name: str) -> Place:
        """Return where a key's value is written, or where this section begins."""
        return self.keys[name].place if name in self.keys else self.place


class Reader:
    """Reads nodes by the shape of `root`, and tells the report what doesn't fit."""

    def __init__(self, root: type[Settings], report: Report) -> None:
        self._root = root
        self._report = report

    def read(self, node: Node) -> Section:
        """Return what the file gives."""
        return self._section(node, self._root, "")

    def _section(self, node: Node, settings: type[Settings], path: str) -> Section:
        section = Section(node.place, path)
        known = keys_of(settings)
        if isinstance(node, Mapping):
            for key, value in self._pairs(node, settings, section):
                section.keys[key.name] = self._entry(value, key, path)
        elif not (isinstance(node, Scalar) and node.is_null):
            keys = ", ".join(known)
            self._report.add(node.place, f"{path or 'the file'}: expected a section of keys ({keys}); {_found(node)}")
            return section
        for key in known.values():
            if key.required and key.name not in section.keys:
                self._report.add(node.place, f"{_join(path, key.name)} is missing: expected {_expected(key)}")
        return section

    def _pairs(self, node: Mapping, settings: type[Settings], section: Section) -> Iterator[tuple[Key, Node]]:
        known = keys_of(settings)
        seen: dict[str, Place] = {}
        for name, value in node.pairs:
            if not isinstance(name, Scalar):
                self._report.add(name.place, f"{_prefix(section.path)}a key must be one word; {_found(name)}")
            elif name.text in seen:
                first = seen[name.text].line
                message = f"{_join(section.path, shown(name.text))} is given twice; the first is in line {first}"
                self._report.add(name.place, message)
            else:
                seen[name.text] = name.place
                if name.text in known:
                    yield known[name.text], value
                else:
                    self._report.add(name.place, self._unknown(name.text, section.path, list(known)))

    def _unknown(self, name: str, path: str, known: list[str]) -> str:
        said = f"{_prefix(path)}unknown key {quoted(name)}"
        if name == "<<":
            return f"{said}: merge keys aren't read; write the keys out"
        if name in ("api_key", "key"):
            return f"{said}: a key is never written here; use api_key_env or api_key_file"
        homes = [home for home, key in every_key(self._root) if key.name == name and not _is_override(home)]
        if homes:
            return f"{said} here; it belongs at {' or '.join(homes[:2])}"
        meant = closest(name, known)
        return f"{said}; did you mean {meant}?" if meant else f"{said}; known here: {', '.join(known)}"

    def _entry(self, node: Node, key: Key, section: str) -> Given | Section:
        path = _join(section, key.name)
        if isinstance(key.holds, type):
            return self._section(node, key.holds, path)
        if key.nullable and isinstance(node, Scalar) and node.is_null:
            return Given(node.place, section, None)
        if isinstance(key.holds, ListOf):
            return Given(node.place, section, self._list(node, key.holds, path))
        return Given(node.place, section, self._value(node, key.holds, path, _expected(key)))

    def _value(self, node: Node, kind: ValueType, path: str, expected: str) -> Any:
        hint = ""
        if isinstance(node, Scalar) and not node.is_null:
            try:
                return kind.read(node)
            except ValueError as error:
                hint = f" ({error})" if str(error) else ""
        found = _found(node)
        if isinstance(node, Scalar) and not node.is_null and kind.may_be_secret:
            found = "what stands here isn't one, and may be a secret"
        self._report.add(node.place, f"{path}: expected {expected}; {found}{hint}")
        return UNREADABLE

    def _list(self, node: Node, of: ListOf, path: str) -> Any:
        if not isinstance(node, Sequence) or len(node.items) < of.at_least:
            self._report.add(node.place, f"{path}: expected {of.expected}; {_found(node)}")
            return UNREADABLE
        values = tuple(self._item(item, of, f"{path}[{index}]") for index, item in enumerate(node.items))
        if of.unique:
            self._check_unique(node, values, path)
        return UNREADABLE if any(value is UNREADABLE for value in values) else values

    def _item(self, node: Node, of: ListOf, path: str) -> Any:
        if isinstance(of.item, ValueType):
            return self._value(node, of.item, path, of.item.expected)
        return self._section(node, of.item, path)

    def _check_unique(self, node: Sequence, values: tuple[Any, ...], path: str) -> None:
        seen: set[Any] = {UNREADABLE}
        for index, (item, value) in enumerate(zip(node.items, values, strict=True)):
            if value in seen and value is not UNREADABLE:
                self._report.add(item.place, f"{path}[{index}]: {shown(str(value))} is in the list already")
            seen.add(value)


def overlay(base: Section, over: Section) -> Section:
    """Return `base` with all that `over` gives laid over it, key by key."""
    keys = dict(base.keys)
    for name, given in over.keys.items():
        if isinstance(given, Section):
            keys[name] = overlay(base.section(name), given)
        else:
            keys[name] = dataclasses.replace(given, overriding=True)
    return Section(over.place, over.path, keys)


def build(settings: type[_Built], section: Section, report: Report) -> _Built:
    """Return the settings that a section and the defaults make; tell the report what contradicts itself in them."""
    values: dict[str, Any] = {}
    for key in keys_of(settings).values():
        if isinstance(key.holds, type):
            values[key.name] = build(key.holds, section.section(key.name), report)
            continue
        given = section.keys.get(key.name)
        if isinstance(given, Given) and given.value is not UNREADABLE:
            values[key.name] = _built_items(key, given.value, report)
    built = settings(**values)
    for conflict in built.conflicts():
        _tell(conflict, section, report)
    return built


def _built_items(key: Key, value: Any, report: Report) -> Any:
    """Return a key's value, the entries of a list of sections built; one whose mistake is told already is left out."""
    if value is None or not isinstance(key.holds, ListOf) or isinstance(key.holds.item, ValueType):
        return value
    item = key.holds.item
    required = [name for name, each in keys_of(item).items() if each.required]
    return tuple(build(item, each, report) for each in value if all(each.value(name) is not None for name in required))


def _tell(conflict: Conflict, section: Section, report: Report) -> None:
    given = [entry for name in conflict.keys if isinstance(entry := section.keys.get(name), Given)]
    if any(entry.value is UNREADABLE for entry in given):
        return  # the default stands in for it, and a quarrel with that would confuse
    defaults = [name for name in conflict.keys if name not in section.keys]
    note = f" ({' and '.join(defaults)} at the default)" if defaults else ""
    # Two defaults never contradict each other, so one of the keys is written; the account's own are the likelier fault.
    at_fault = min(given, key=lambda entry: not entry.overriding)
    report.add(at_fault.place, f"{at_fault.section}: {conflict.message}{note}")


def _expected(key: Key) -> str:
    if isinstance(key.holds, type):
        return "a section"
    return f"{key.holds.expected}{', or null' if key.nullable else ''}"


def _found(node: Node) -> str:
    if isinstance(node, Sequence):
        return "found a list" if node.items else "found an empty list"
    if isinstance(node, Mapping):
        return "found a section of keys"
    if node.is_null:
        return "found nothing"
    return f"found {shown(node.text) if node.plain else quoted(node.text)}"


def _is_override(path: str) -> bool:
    return "[].collectors." in path or "[].thresholds." in path


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _prefix(path: str) -> str:
    return f"{path}: " if path else ""
