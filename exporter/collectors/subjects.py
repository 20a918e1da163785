"""The parts of an account that spend: a key, a workspace, a member, an app, an end user; and what they are called."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from exporter.config.allocation_settings import Dimension

Names = tuple[tuple[Dimension, tuple[str, ...]], ...]


class Subject(NamedTuple):
    """A part: the label that its series have, the label's value, and its names by what rules compare with.

    One without names stands for several parts, or for parts that nothing is known about, such as `other`.
    """

    label: str
    value: str
    names: Names = ()


def names_of(
    *,
    key: Sequence[str | None] = (),
    workspace: Sequence[str | None] = (),
    member: Sequence[str | None] = (),
    app: Sequence[str | None] = (),
    end_user: Sequence[str | None] = (),
) -> Names:
    """Return names by dimension, without those that are not known."""
    given: tuple[tuple[Dimension, Sequence[str | None]], ...] = (
        ("key", key),
        ("workspace", workspace),
        ("member", member),
        ("app", app),
        ("end_user", end_user),
    )
    known = ((dimension, tuple(text for text in texts if text)) for dimension, texts in given)
    return tuple((dimension, texts) for dimension, texts in known if texts)
