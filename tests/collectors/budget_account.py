"""A simulated account for the budgets collector: its spend, its lists and polls."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any

from exporter.api.client import Request
from exporter.api.response import Response
from exporter.collectors.budgets.budgets_collector import BudgetsCollector, BudgetsSettings
from exporter.config.budget_settings import ConfiguredBudget
from exporter.errors import AttemptError, StatusError
from exporter.exposition.families import Snapshot
from tests.collectors.balances import key
from tests.collectors.helpers import at, response_of, shown
from tests.collectors.scripted_polls import PollResult, ScriptedClient, poll_once, reply
from tests.support import NOON

MIDNIGHT = at("2026-08-23 00:00:00")
WORKSPACES = [{"id": "w1", "slug": "default", "name": "Default"}, {"id": "w2", "slug": "lab", "name": "Research"}]
KEYS = [
    key("alpha", workspace_id="w1"),
    key("beta", workspace_id="w2"),
    key("twin", hash="a" * 64),
    key("twin", hash="b" * 64),
]
MODELS = [
    {"id": "acme/one", "canonical_slug": "acme/one-20260101"},
    {"id": "acme/one:free", "canonical_slug": "acme/one-20260101:free"},
]
EMBEDDING = {"id": "acme/embed", "canonical_slug": "acme/embed-20260101"}
MONTH = ConfiguredBudget(name="month", period="month", limit_usd=100.0)
NOT_FOUND = StatusError(404, "Resource not found")
ERROR = StatusError(500, "Internal Server Error")


def digits(name: str) -> str:
    return sha256(name.encode()).hexdigest()


@dataclass
class Account:
    """An account with rows of spend by scope, and with lists. An exception in place of data is raised."""

    rows: Any = ()
    workspaces: Any = field(default_factory=lambda: WORKSPACES)
    keys: Any = field(default_factory=lambda: KEYS)
    members: Any = field(default_factory=lambda: [{"id": "user_1", "email": "a@example.com"}])
    budgets: Any = NOT_FOUND
    guardrails: Any = NOT_FOUND
    in_parts: bool = False  # the list of models
    server: datetime = NOON
    fails: Callable[[Any], Exception | None] = lambda _: None

    def client(self) -> ScriptedClient:
        return ScriptedClient(self._serve)

    def _serve(self, request: Request) -> Response | AttemptError:
        if request.content is not None:
            return self._query(json.loads(request.content))
        listed = {
            "/workspaces": self.workspaces,
            "/keys": [key for key in self.keys if key["workspace_id"] == request.parameters.get("workspace_id")],
            "/organization/members": self.members,
            "/models": self._models(request.parameters),
            "/guardrails": self.guardrails,
        }.get(request.path, self.budgets)
        if isinstance(listed, AttemptError):
            return listed
        return response_of(json.dumps(listed if isinstance(listed, dict) else {"data": listed}).encode(), self.server)

    def _models(self, parameters: Mapping[str, str]) -> Any:
        models = [*MODELS, *([EMBEDDING] if parameters.get("output_modalities") == "all" else [])]
        if not self.in_parts:
            return models
        offset = int(parameters.get("offset", "0"))
        return {"data": models[offset : offset + 2], "total_count": len(models)}

    def _query(self, query: Any) -> Response | AttemptError:
        failure = self.fails(query)
        if isinstance(failure, AttemptError):
            return failure
        conditions = {condition["field"]: condition["value"] for condition in query.get("filters", [])}
        dimensions = query.get("dimensions", [])
        sums: dict[tuple[str, ...], list[float]] = {}
        for day, usd, byok, ids, labels in self.rows:
            if day < query["time_range"]["start"][:10] or any(ids[name] not in ok for name, ok in conditions.items()):
                continue
            amounts = sums.setdefault((day, *(labels[name] for name in dimensions)), [0.0, 0.0])
            amounts[0] += usd
            amounts[1] += byok
        rows = [
            {"date__day": key[0], "credits_usage": usd, "byok_usage": byok}
            | dict(zip(dimensions, key[1:], strict=True))
            for key, (usd, byok) in sums.items()
        ]
        return reply(rows, server=self.server)


def row(day: str, usd: float, byok: float = 0.0, **scope: tuple[str, str]) -> Any:
    """Return a row of spend. Each scope is a pair of the id that filters compare and the label that rows contain."""
    whole = {"api_key_id": ("", ""), "workspace": ("w1", "Default"), "user": ("", ""), "model": ("", "")} | scope
    return (
        day,
        usd,
        byok,
        {name: value[0] for name, value in whole.items()},
        {name: value[1] for name, value in whole.items()},
    )


def budgets(
    account: Account,
    *configured: ConfiguredBudget,
    now: datetime = NOON,
    memory: object = None,
    monotonic: float = 0.0,
    **more: Any,
) -> PollResult:
    collector = BudgetsCollector("default", BudgetsSettings(**more), configured)
    return poll_once(
        collector, account.client(), now=now, memory=memory, monotonic=monotonic, prefix="openrouter_budget_"
    )


def amounts(polled: PollResult, family: str) -> dict[str, float]:
    return {labels[0]: value for labels, value in polled.families.get(family, {}).items()}


def amounts_of(snapshot: Snapshot, family: str) -> dict[str, float]:
    return {labels[0]: value for labels, value in shown(snapshot)[f"openrouter_budget_{family}"].items()}
