"""Parts of an account that spend: keys, workspaces, members, apps and end users, with their names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from exporter.api.organization_rows import KeyRow, Member, Workspace
from exporter.collectors.constants import SHORT_HASH, UNATTRIBUTED
from exporter.config.allocation_settings import Dimension

Names = tuple[tuple[Dimension, tuple[str, ...]], ...]


class Subject(NamedTuple):
    """A part: the label of its series, the label's value, and the names that rules compare, by dimension.

    A part without names stands for several or unknown parts, such as `other`.
    """

    label: str
    value: str
    names: Names = ()


def names_of(names: Mapping[Dimension, Sequence[str | None]]) -> Names:
    """Return names without those that are not known."""
    known = ((dimension, tuple(filter(None, texts))) for dimension, texts in names.items())
    return tuple((dimension, texts) for dimension, texts in known if texts)


def key_subjects(
    keys: Iterable[KeyRow], labels: Mapping[str, str], workspaces: Iterable[Workspace]
) -> Iterator[Subject]:
    """Yield the keys as subjects; `labels` has the label of each hash."""
    names = {row.id: tuple(filter(None, (row.name, row.slug, row.id))) for row in workspaces}
    for key in keys:  # of which there may be thousands, so this does without names_of
        short = key.hash[:SHORT_HASH]
        known_as: list[tuple[Dimension, tuple[str, ...]]] = [
            ("key", (key.name, key.hash, short) if key.name else (key.hash, short))
        ]
        if key.workspace_id:
            known_as.append(("workspace", names.get(key.workspace_id) or (key.workspace_id,)))
        if key.creator_user_id:
            known_as.append(("member", (key.creator_user_id,)))
        yield Subject("key", labels[key.hash], tuple(known_as))


def workspace_subjects(workspaces: Iterable[Workspace]) -> tuple[Subject, ...]:
    """Return the workspaces as subjects."""
    return tuple(
        Subject("workspace_id", row.id, names_of({"workspace": (row.name, row.slug, row.id)})) for row in workspaces
    )


def member_subjects(members: Iterable[Member]) -> tuple[Subject, ...]:
    """Return the members as subjects, and `unattributed` for usage that belongs to none of them."""
    named = (Subject("user_id", row.id, names_of({"member": (row.id, row.email, row.full_name)})) for row in members)
    return (*named, Subject("user_id", UNATTRIBUTED))
