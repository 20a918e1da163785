"""Reading settings from YAML nodes. Every value that its key does not accept is reported with its position.

A section can have several layers: the nodes that set it for all accounts, and for one account. All layers are checked,
and for each key the last one wins.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from exporter.config.diagnostics import Position, Report, closest, quoted, shown
from exporter.config.fields import Conflict, Key, ListOf, MapOf, Settings, every_key, keys_of
from exporter.config.value_types import ValueType
from exporter.config.yaml_nodes import MappingNode, Node, Scalar, SequenceNode

_FIRST_DIGITS, _THREE_DIGITS = re.compile(r"-?\d{1,3}"), re.compile(r"\d{3}(\.\d+)?")

_Root = TypeVar("_Root", bound=Settings)


class Written(NamedTuple):
    """A node, with the dotted path of the keys that lead to it."""

    node: Node
    path: str


class Reader(Generic[_Root]):
    """Reads one file by the keys that `root` declares.

    Unreadable values are replaced by their defaults, so that everything else can be checked too. Use the result of
    `read` only if the report is empty in the end.
    """

    def __init__(self, root: type[_Root], report: Report) -> None:
        self._root = root
        self._report = report
        self._positions: dict[str, Position] = {}
        self._unreadable: set[str] = set()
        self._top: dict[str, Written] = {}
        self._inherited: set[str] = set()
        self._sections: dict[tuple[object, ...], Any] = {}

    def read(self, node: Node) -> _Root:
        """Return the settings in the file."""
        settings: _Root = self._section(self._root, [Written(node, "")])
        return settings

    def beside(self, report: Report) -> Reader[_Root]:
        """Return a reader of a further file, whose entries inherit from the sections of this one."""
        other = Reader(self._root, report)
        other._top = self._top
        # Sections that an entry has to itself are of this file.
        other._sections = {paths: read for paths, read in self._sections.items() if "[" not in str(paths)}
        return other

    def read_list(self, name: str, node: Node) -> tuple[Any, ...]:
        """Return a file that is the value of a top-level list, such as that of accounts."""
        key = keys_of(self._root)[name]
        self._positions[name] = node.position
        return tuple(self._value(Written(node, name), key))

    def check_inherited(self) -> None:
        """Check the sections that entries inherit by themselves, as if an entry overrode nothing."""
        known = keys_of(self._root)
        for name in self._inherited & self._top.keys():
            self._section(known[name].holds, [self._top[name]])  # type: ignore[arg-type]  # a section, if it is inherited

    def mistake(self, path: str, message: str) -> None:
        """Report a mistake in a value that could be read."""
        self._report.add(self.position_of(path), f"{path}: {message}")

    def is_readable(self, path: str) -> bool:
        """Return whether nothing was reported about the value of a key."""
        return path not in self._unreadable

    def position_of(self, path: str) -> Position:
        """Return the position of a key's value or, if it is not written, of its section."""
        while path and path not in self._positions:
            path = path.rpartition(".")[0]
        return self._positions[path]

    def _section(self, settings: type[Any], layers: list[Written], *, check: bool = True) -> Any:
        # A section that many accounts inherit unchanged is read once.
        paths = (check, *(layer.path for layer in layers))
        if paths not in self._sections:
            self._sections[paths] = self._read_section(settings, layers, check=check)
        return self._sections[paths]

    def _read_section(self, settings: type[Any], layers: list[Written], *, check: bool) -> Any:
        known = keys_of(settings)
        entries = [dict(self._entries(layer, known)) for layer in layers]
        if settings is self._root:
            self._top = entries[0]
        # Contradictions in a disabled section do no harm.
        check = check and not self._is_disabled(known, entries)
        values: dict[str, Any] = {}
        # Sections come last, because by then it is known which of them the entries of lists inherit.
        for key in sorted(known.values(), key=lambda key: isinstance(key.holds, type)):
            given = [layer[key.name] for layer in entries if key.name in layer]
            if key.inherits:
                self._inherited.add(key.name)
                given = [self._top[key.name], *given] if key.name in self._top else given
            if given and isinstance(key.holds, type):
                # Each entry that inherits a section can resolve its contradictions.
                is_inherited = settings is self._root and key.name in self._inherited
                values[key.name] = self._section(key.holds, given, check=check and not is_inherited)
            elif isinstance(key.holds, type):
                values[key.name] = key.holds()
            elif given:
                *overridden, last = given
                for written in overridden:
                    self._value(written, key, check=False)
                values[key.name] = self._value(last, key, check=check)
            elif key.required:
                values[key.name] = self._missing(layers[-1], key)
        built = settings(**values)
        for conflict in built.conflicts() if check else ():
            self._contradiction(conflict, layers, known)
        return built

    def _entries(
        self, section: Written, known: Collection[str] | None, *, hidden: bool = False
    ) -> Iterator[tuple[str, Written]]:
        """Yield the keys that are written in a section, with their values. Without `known`, any key is allowed."""
        node, path = section
        self._positions[path] = node.position
        if not isinstance(node, MappingNode):
            if not _is_null(node):
                keys = f" ({', '.join(known)})" if known else ""
                is_list = isinstance(node, SequenceNode) and "account_files" in (known or ())
                hint = "a list of accounts is an account file: name it in account_files" if is_list else ""
                self._unfit(Written(node, path or "the file"), f"a section of keys{keys}", hint, hidden=hidden)
                self._unreadable.add(path)
            return
        lines: dict[str, int] = {}
        for index, (name, value) in enumerate(node.pairs):
            if not isinstance(name, Scalar):
                self._report.add(name.position, f"{_prefix(path)}a key must be one word; {_found(name)}")
            elif (number := _number_before(node.pairs, index)) is not None:
                if not _is_null(node.pairs[index - 1][1]):  # else it is reported already
                    message = "a comma ends a value inside braces; write numbers without commas"
                    self._report.add(name.position, f"{_join(path, shown(number))}: {message}")
            elif name.text in lines:
                first = lines[name.text]
                message = f"{_join(path, shown(name.text))}: duplicate key (first defined on line {first})"
                self._report.add(name.position, message)
            else:
                lines[name.text] = name.position.line
                if known is not None and name.text not in known:
                    self._report.add(name.position, self._unknown(name.text, path, known))
                else:
                    entry = Written(value, _join(path, name.text))
                    self._positions[entry.path] = value.position
                    yield name.text, entry

    def _unknown(self, name: str, path: str, known: Collection[str]) -> str:
        message = f"{_prefix(path)}unknown key {quoted(name)}"
        if name == "<<":
            return f"{message}: merge keys aren't supported; write the keys out"
        homes: dict[str, list[str]] = {}
        for home, key in every_key(self._root):
            homes.setdefault(key.name, []).append(home)
        if name in ("api_key", "key") and "api_key_env" in homes:
            return f"{message}: never write a key in this file; use api_key_env or api_key_file"
        if name in homes:
            return f"{message} here; it belongs at {' or '.join(homes[name][:2])}"
        meant = closest(name, known)
        return f"{message}; did you mean {meant}?" if meant else f"{message}; known here: {', '.join(known)}"

    def _missing(self, section: Written, key: Key) -> Any:
        path = _join(section.path, key.name)
        if section.path not in self._unreadable:
            self._report.add(section.node.position, f"{path} is missing: expected {key.expected}")
        self._unreadable.add(path)
        return _nothing(key)

    def _is_disabled(self, known: Mapping[str, Key], layers: list[dict[str, Written]]) -> bool:
        if "enabled" not in known:
            return False
        given = [layer["enabled"] for layer in layers if "enabled" in layer]
        return (self._value(given[-1], known["enabled"]) if given else known["enabled"].default) is False

    def _value(self, written: Written, key: Key, *, check: bool = True) -> Any:
        if key.nullable and _is_null(written.node):
            return None
        if self._root.null_is_default and not isinstance(key.holds, MapOf) and _is_null(written.node):
            return key.default
        value: Any = None
        match key.holds:
            case ListOf() as of:
                value = self._list(written, of, check=check)
            case MapOf() as of:
                return self._map(written, of)
            case ValueType() as type_:
                value = self._scalar(written, type_, key.expected)
        if written.path not in self._unreadable:
            return value
        return _nothing(key) if key.required else key.default

    def _scalar(self, written: Written, kind: ValueType, expected: str) -> Any:
        hint = ""
        if isinstance(written.node, Scalar) and not _is_null(written.node):
            try:
                return kind.read(written.node)
            except ValueError as error:
                hint = str(error)
        self._unfit(written, expected, hint, hidden=kind.may_be_secret)
        return None

    def _list(self, written: Written, of: ListOf, *, check: bool) -> tuple[Any, ...]:
        node, path = written
        if not isinstance(node, SequenceNode) or len(node.items) < of.at_least:
            self._unfit(written, of.expected)
            return ()
        items = [Written(item, f"{path}[{index}]") for index, item in enumerate(node.items)]
        if isinstance(of.item, type):
            return tuple(self._section(of.item, [item], check=check) for item in items)
        values = [self._scalar(item, of.item, of.item.expected) for item in items]
        seen = set()
        for item, value in zip(items, values, strict=True):
            if item.path in self._unreadable:
                self._unreadable.add(path)
            elif of.unique and value in seen:
                self._report.add(item.node.position, f"{item.path}: duplicate value {shown(str(value))}")
            seen.add(value)
        return tuple(values)

    def _map(self, written: Written, of: MapOf) -> dict[str, Any]:
        hidden = isinstance(of.values, ValueType) and of.values.may_be_secret
        values = {
            name: self._scalar(entry, of.type_of(name), of.type_of(name).expected)
            for name, entry in self._entries(written, of.names, hidden=hidden)
            if not (of.nullable and _is_null(entry.node))
        }
        if any(value is None for value in values.values()):
            self._unreadable.add(written.path)
        return {name: value for name, value in values.items() if value is not None}

    def _unfit(self, written: Written, expected: str, hint: str = "", *, hidden: bool = False) -> None:
        """Report a value that its key does not accept."""
        node, path = written
        has = "value hidden: it may be a secret" if hidden and isinstance(node, Scalar) and node.text else _found(node)
        self._report.add(node.position, f"{path}: expected {expected}; {has}{f' ({hint})' if hint else ''}")
        self._unreadable.add(path)

    def _contradiction(self, conflict: Conflict, layers: list[Written], known: Mapping[str, Key]) -> None:
        """Report keys that contradict each other, unless one of them has been reported already."""
        given = {
            name: (depth, layer.path)
            for depth, layer in enumerate(layers)
            for name in conflict.keys
            if _join(layer.path, name) in self._positions
        }
        unreadable = {layers[-1].path, *(_join(path, name) for name, (_, path) in given.items())}
        if unreadable & self._unreadable:
            return  # the default that replaces it may contradict the other key, but is not in the file
        if not given:
            self._report.add(layers[-1].node.position, f"{_prefix(layers[-1].path)}{conflict.message}")
            return
        defaults = [name for name in conflict.keys if name not in given and known[name].default not in (None, "")]
        note = f" ({' and '.join(defaults)} at the default)" if defaults else ""
        # An account's own keys are more likely at fault than the shared ones.
        at_fault = max((name for name in conflict.keys if name in given), key=lambda name: given[name][0])
        section = given[at_fault][1]
        self._report.add(self._positions[_join(section, at_fault)], f"{_prefix(section)}{conflict.message}{note}")


def _is_null(node: Node) -> bool:
    return isinstance(node, Scalar) and node.is_null


def _nothing(key: Key) -> Any:
    """Return a stand-in for a required value that is missing or unreadable."""
    return () if isinstance(key.holds, ListOf) else ""


def _found(node: Node) -> str:
    if isinstance(node, SequenceNode):
        return "found a list" if node.items else "found an empty list"
    if isinstance(node, MappingNode):
        return "found a section of keys"
    if node.is_null:
        return "found nothing"
    return f"found {shown(node.text) if node.plain else quoted(node.text)}"


def _number_before(pairs: Sequence[tuple[Node, Node]], index: int) -> str | None:
    """Return the key of a number that a comma ended if a pair is the rest of it, as in `{limit_usd: 5,000}`."""
    while index and isinstance(rest := pairs[index][0], Scalar) and _is_null(pairs[index][1]):
        if not _THREE_DIGITS.fullmatch(rest.text):
            break
        index -= 1
        name, value = pairs[index]
        if isinstance(name, Scalar) and isinstance(value, Scalar) and _FIRST_DIGITS.fullmatch(value.text):
            return name.text
    return None


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _prefix(path: str) -> str:
    return f"{path}: " if path else ""
