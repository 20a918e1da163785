"""Find the ids that the analytics API filters by for a budget's scope, such as the name of a workspace."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from exporter.api.messages import printable
from exporter.api.model_rows import ModelRow
from exporter.api.organization_rows import KeyRow, Workspace
from exporter.api.rejections import Rejections
from exporter.collectors import paging
from exporter.collectors.base import Poll
from exporter.collectors.catalogue.model_list import LIST_MODELS, read_models
from exporter.collectors.paging import key_label
from exporter.config.budget_settings import Scope
from exporter.config.diagnostics import few
from exporter.errors import UnknownName

T = TypeVar("T")

MOST_LISTED = 5

# The field of `POST /analytics/query` for each kind of scope.
FIELDS: dict[str | None, str] = {"workspace": "workspace", "key": "api_key_id", "member": "user", "model": "model"}


@dataclass(frozen=True, slots=True)
class ResolvedScope:
    """The `ids` that a scope filters by, and the `labels` that its rows have in this dimension, if known."""

    ids: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()


class ScopeLists:
    """The account's workspaces, keys, members and models, each list read once per poll and only if it is needed."""

    def __init__(self, poll: Poll, models: Sequence[ModelRow] | None) -> None:
        self._poll = poll
        self._workspaces: Sequence[Workspace] | None = None
        self._keys: Sequence[KeyRow] | None = None
        self._members: frozenset[str] | None = None
        self.models = models

    async def workspaces(self) -> Sequence[Workspace]:
        """Return the account's workspaces. Raises PollError."""
        if self._workspaces is None:
            self._workspaces = await paging.workspaces(self._poll)
        return self._workspaces

    async def resolve(self, scope: Scope, value: str) -> ResolvedScope:
        """Return what a scope stands for. Raise UnknownName if nothing has that name, or several; else PollError."""
        match scope:
            case "workspace":
                return _workspace(value, await self.workspaces())
            case "key":
                if self._keys is None:
                    self._keys = await paging.keys(self._poll, within=await self.workspaces())
                return _key(value, self._keys)
            case "member":
                if self._members is None:
                    self._members = frozenset(member.id for member in await paging.members(self._poll))
                if value not in self._members:
                    raise UnknownName(f"no member of the organization has the id {printable(value)}")
                return ResolvedScope((value,))
            case "model":
                if self.models is None:
                    self.models = await _models(self._poll)
                return _model(value, self.models)


def _workspace(value: str, workspaces: Sequence[Workspace]) -> ResolvedScope:
    by_field = ([row for row in workspaces if getattr(row, field) == value] for field in ("id", "slug", "name"))
    only = _only(next(filter(None, by_field), []), "workspace", "id, slug or name", value, lambda row: row.id)
    return ResolvedScope((only.id,), (only.name,) if only.name else ())


def _key(value: str, keys: Sequence[KeyRow]) -> ResolvedScope:
    same = [key for key in keys if value in (key.hash, key_label(key.hash))]
    same = same or [key for key in keys if key.name == value]
    only = _only(same, "key", "hash or name", value, lambda key: key_label(key.hash))
    return ResolvedScope((only.hash,), (only.name,) if only.name else ())


def _only(same: Sequence[T], noun: str, names: str, value: str, name_of: Callable[[T], str]) -> T:
    """Return the one thing of this name. Raise UnknownName if there is none, or several."""
    if not same:
        raise UnknownName(f"no {noun} has the {names} {printable(value)}")
    if len(same) > 1:
        raise UnknownName(
            f"several {noun}s are called {printable(value)}: {few(sorted(map(name_of, same)), MOST_LISTED)}"
        )
    return same[0]


def _model(value: str, models: Iterable[ModelRow]) -> ResolvedScope:
    permaslugs = {model.permaslug for model in models if value in (model.slug, model.permaslug)}
    if not permaslugs:
        raise UnknownName(f"no model has the slug or permaslug {printable(value)}")
    names = tuple(sorted(permaslugs))
    return ResolvedScope(names, names)


async def _models(poll: Poll) -> list[ModelRow]:
    models, _ = await read_models(poll, await poll.request(LIST_MODELS), Rejections())
    # Without the rows, which would fill the memory.
    return [model._replace(row={}) for model in models if model.permaslug]
