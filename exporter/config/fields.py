"""The keys of a file, declared as the fields of dataclasses.

A key is declared once: `name: Annotated[type, value_type, "What it means."] = default`. The reader, the JSON Schema and
the documentation's table follow from that.
"""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Union, get_args, get_origin

from exporter.config.value_types import ValueType, boolean, choice

TYPE = (
    "type"  # key of a field's metadata: a type for the section, or for the list's items, that replaces the annotation's
)


class Inherits:
    """Marks a section in the entries of a list that overrides single keys of the top-level section of the same name."""


class Conflict(typing.NamedTuple):
    """Keys whose values are valid but contradict each other."""

    keys: tuple[str, ...]
    message: str


class Settings:
    """Base of the sections of a file, which are frozen dataclasses."""

    __slots__ = ()

    null_is_default: ClassVar[bool] = False  # of a file, whether any of its keys may be null

    def conflicts(self) -> tuple[Conflict, ...]:
        """Return the contradictions between keys of this section."""
        return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ListOf:
    """The type of a list; `unique` rejects duplicates."""

    item: ValueType | type[Settings]
    example: str
    unique: bool = False
    at_least: int = 0

    @property
    def expected(self) -> str:
        """What to write, as it follows the word "expected" in messages."""
        return f"a list, such as {self.example}"


@dataclass(frozen=True, slots=True, kw_only=True)
class MapOf:
    """The type of a section whose keys are data: any name with a value of one type, or these names with theirs.

    `nullable` ignores keys without a value.
    """

    values: ValueType | Mapping[str, ValueType]
    nullable: bool = False
    expected: str = "a section of keys"

    @property
    def names(self) -> Collection[str] | None:
        """The names that are allowed, None if any is."""
        return None if isinstance(self.values, ValueType) else self.values

    def type_of(self, name: str) -> ValueType:
        """Return the type of a name's value."""
        return self.values if isinstance(self.values, ValueType) else self.values[name]


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a section. `holds` is the type of its value; the meaning of a section is its own first line."""

    name: str
    holds: ValueType | ListOf | MapOf | type[Settings]
    nullable: bool
    required: bool
    inherits: bool
    default: Any
    meaning: str

    @property
    def expected(self) -> str:
        """What to write, as it follows the word "expected" in messages."""
        if isinstance(self.holds, type):
            return "a section of keys"
        return f"{self.holds.expected}{', or null' if self.nullable else ''}"


def keys_of(settings: type[Any]) -> Mapping[str, Key]:
    """Return the keys of a section by name, in their order."""
    return _keys_of(settings)  # type: ignore[arg-type]  # mypy takes the instances' hash for the class's


@functools.cache
def _keys_of(settings: type[Any]) -> Mapping[str, Key]:
    hints = typing.get_type_hints(settings, include_extras=True)
    keys = (_key(field, hints[field.name]) for field in dataclasses.fields(settings))
    return types.MappingProxyType({key.name: key for key in keys})


def every_key(settings: type[Any], path: str = "") -> Iterator[tuple[str, Key]]:
    """Yield each key that `settings` holds with its dotted path, depth first; list items are marked `[]`.

    The keys of a section that overrides another are those of the other, and are left out.
    """
    for key in keys_of(settings).values():
        here = f"{path}.{key.name}" if path else key.name
        yield here, key
        inner = key.holds.item if isinstance(key.holds, ListOf) else key.holds
        if isinstance(inner, type) and not key.inherits:
            yield from every_key(inner, f"{here}[]" if isinstance(key.holds, ListOf) else here)


def _key(field: dataclasses.Field[Any], hint: Any) -> Key:
    hint, *extras = get_args(hint) if get_origin(hint) is typing.Annotated else (hint,)
    choices = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    plain = next(choice for choice in choices if choice is not type(None))
    holds = next((extra for extra in extras if isinstance(extra, ValueType | ListOf | MapOf)), None) or _implied(
        field.name, plain
    )
    if TYPE in field.metadata:
        actual = field.metadata[TYPE]
        holds = dataclasses.replace(holds, item=actual) if isinstance(holds, ListOf) else actual
    meaning = next((extra for extra in extras if isinstance(extra, str)), "")
    return Key(
        name=field.name,
        holds=holds,
        nullable=type(None) in choices,
        # An absent section has its defaults.
        required=field.default is dataclasses.MISSING and not isinstance(holds, type | MapOf),
        inherits=Inherits in extras,
        default=_default(field),
        meaning=meaning or _first_sentence(plain),
    )


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return None if field.default is dataclasses.MISSING else field.default


def _implied(name: str, hint: Any) -> ValueType | type[Settings]:
    if hint is bool:
        return boolean()
    if get_origin(hint) is Literal:
        return choice(*get_args(hint))
    if isinstance(hint, type) and issubclass(hint, Settings):
        return hint
    raise TypeError(f"{name}: {hint} needs a value type beside it, in Annotated")


def _first_sentence(settings: type) -> str:
    return (settings.__doc__ or "").partition("\n")[0]
