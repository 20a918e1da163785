"""Keys, workspaces with their budgets, guardrails and members, in the API's pages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from exporter.simulator.attribution import Attribution, key_hash
from exporter.simulator.billing import LIMITS, Billing, Reset, SimulatedKey, key_name, member_name, workspace_name
from exporter.simulator.http_responses import ApiError, SimulatedResponse, json_response, whole_number

KEYS, WORKSPACES, MEMBERS, GUARDRAILS = "/keys", "/workspaces", "/organization/members", "/guardrails"
_PATHS = (KEYS, WORKSPACES, MEMBERS, GUARDRAILS)
_BUDGETS_PATH = re.compile(r"/workspaces/([^/]+)/budgets")

DEFAULT_KEYS = 12
DEFAULT_WORKSPACES = 3
KEYS_PER_PAGE = 100

_DEFAULT_LIMIT, _LARGEST_LIMIT = 50, 100
_IDLE_NAMES = ("notebook", "ci", "production", "old laptop", "trial", "hackathon", "webhooks", "")
_DISABLED, _EXPIRED, _EXPIRING = 5, 6, 7  # among the idle keys
_DAY = timedelta(days=1)
# By number of the workspace; further ones have none. A budget without an interval is never reset.
_BUDGETS: tuple[tuple[tuple[float, Reset | None], ...], ...] = (
    ((10_000.0, "monthly"), (750.0, "daily")),
    ((2_500.0, "weekly"), (100_000.0, None)),
)
_GUARDRAILS: tuple[tuple[str, float | None, Reset | None], ...] = (
    ("Default guardrail", None, None),
    ("Production keys", 8_000.0, "monthly"),
)


def serves(operation: str) -> bool:
    """Return whether a path is one of the organization's."""
    return operation in _PATHS or _BUDGETS_PATH.fullmatch(operation) is not None


class Organization:
    """An account's workspaces, members and keys. The spend of its keys adds up to the account's rows."""

    def __init__(
        self,
        seed: int,
        attributions: tuple[Attribution, ...],
        billing: Billing,
        opened: date,
        *,
        keys: int,
        workspaces: int,
    ) -> None:
        self._opened = datetime(opened.year, opened.month, opened.day, tzinfo=UTC)
        self._created = f"{self._opened:%F}T00:00:00.000Z"
        self._members = list(dict.fromkeys(owner.user_id for owner in attributions))
        ids = list(dict.fromkeys(owner.workspace_id for owner in attributions))
        ids += [str(uuid5(NAMESPACE_URL, f"workspace/{seed}/{number}")) for number in range(len(ids), workspaces)]
        self._workspace_names = {id_: workspace_name(number) for number, id_ in enumerate(ids)}
        self._billing = billing
        self._keys = [self._key(seed, attributions, number) for number in range(keys if attributions else 0)]

    def respond(self, path: str, parameters: Mapping[str, str], now: datetime) -> SimulatedResponse:
        """Return the response of one of the paths. Raise ApiError for parameters that the API rejects."""
        budgets = _BUDGETS_PATH.fullmatch(path)
        if budgets:
            return json_response({"data": self._budgets(budgets[1]), "include_byok_in_budgets": False})
        offset = whole_number(parameters.get("offset"), 0, 0, 1 << 31)
        if path == KEYS:
            return json_response({"data": self._keys_page(parameters, offset, now)})
        limit = whole_number(parameters.get("limit"), _DEFAULT_LIMIT, 1, _LARGEST_LIMIT)
        match path:
            case "/workspaces":
                rows = self._workspaces()
            case "/guardrails":
                rows = self._guardrails(self._workspace_of(parameters))
            case _:
                rows = self._people()
        return json_response({"data": rows[offset : offset + limit], "total_count": len(rows)})

    def _keys_page(self, parameters: Mapping[str, str], offset: int, now: datetime) -> list[dict[str, Any]]:
        workspace_id = self._workspace_of(parameters)
        disabled, expired = _flag(parameters, "include_disabled"), _flag(parameters, "include_expired")
        listed = [
            key
            for key in reversed(self._keys)  # the most recent first
            if key.workspace_id == workspace_id
            and (disabled or not key.disabled)
            and (expired or not key.is_expired(now))
        ]
        return [self._billing.key_row(key, now) for key in listed[offset : offset + KEYS_PER_PAGE]]

    def _key(self, seed: int, attributions: tuple[Attribution, ...], number: int) -> SimulatedKey:
        limit, reset = LIMITS[number] if number < len(LIMITS) else (None, None)
        expires = {_EXPIRED: 57, _EXPIRING: 70}.get(number)  # days of the account, which begins with its sixtieth
        if number < len(attributions):
            owner, name = attributions[number], key_name(number)
        else:
            workspaces = list(self._workspace_names)
            workspace_id = workspaces[number % len(workspaces)]
            member = self._members[number % len(self._members)]
            owner = Attribution(workspace_id, key_hash(f"key/{seed}/{number}"), member)
            name = _IDLE_NAMES[number % len(_IDLE_NAMES)]
        return SimulatedKey(
            hash=owner.api_key_hash,
            name=name,
            workspace_id=owner.workspace_id,
            creator_user_id=owner.user_id,
            created=self._opened + number * timedelta(minutes=1),
            part=number if number < len(attributions) else None,
            disabled=number == _DISABLED,
            limit=limit,
            reset=reset,
            expires=None if expires is None else self._opened + expires * _DAY,
        )

    def _workspace_of(self, parameters: Mapping[str, str]) -> str:
        workspace_id = parameters.get("workspace_id", next(iter(self._workspace_names)))
        if workspace_id not in self._workspace_names:
            raise ApiError(404)
        return workspace_id

    def _budgets(self, reference: str) -> list[dict[str, Any]]:
        """Return the budgets of a workspace, given by its ID or slug."""
        for number, (id_, name) in enumerate(self._workspace_names.items()):
            if reference in (id_, _slug(name)):
                budgets = _BUDGETS[number] if number < len(_BUDGETS) else ()
                return [
                    {
                        "id": str(uuid5(NAMESPACE_URL, f"budget/{id_}/{interval}")),
                        "workspace_id": id_,
                        "limit_usd": limit,
                        "reset_interval": interval,
                        "created_at": self._created,
                        "updated_at": self._created,
                    }
                    for limit, interval in budgets
                ]
        raise ApiError(404)

    def _guardrails(self, workspace_id: str) -> list[dict[str, Any]]:
        """Return a workspace's guardrails; only those with a limit are budgets."""
        is_default = workspace_id == next(iter(self._workspace_names))
        return [
            {
                "id": str(uuid5(NAMESPACE_URL, f"guardrail/{workspace_id}/{name}")),
                "name": name,
                "description": None,
                "limit_usd": limit,
                "reset_interval": interval,
                "include_byok_in_budgets": limit is not None,
                "workspace_id": workspace_id,
                "allowed_models": None,
                "ignored_providers": None,
                "created_at": self._created,
                "updated_at": None,
            }
            for name, limit, interval in (_GUARDRAILS if is_default else _GUARDRAILS[:1])
        ]

    def _workspaces(self) -> list[dict[str, Any]]:
        return [
            {
                "id": id_,
                "slug": _slug(name),
                "name": name,
                "description": None,
                "created_at": self._created,
                "created_by": self._members[0] if self._members else None,
                "updated_at": None,
                "default_guardrail_id": str(uuid5(NAMESPACE_URL, f"guardrail/{id_}/{_GUARDRAILS[0][0]}")),
                "default_image_model": None,
                "default_provider_sort": None,
                "default_text_model": None,
                "io_logging_api_key_ids": None,
                "io_logging_sampling_rate": 1,
                "is_data_discount_logging_enabled": False,
                "is_observability_broadcast_enabled": False,
                "is_observability_io_logging_enabled": False,
            }
            for id_, name in self._workspace_names.items()
        ]

    def _people(self) -> list[dict[str, Any]]:
        if not self._members:
            raise ApiError(404)
        return [
            {
                "id": id_,
                "email": f"{member_name(number).lower()}@example.com",
                "first_name": member_name(number),
                "last_name": None,
                "role": "org:member" if number else "org:admin",
            }
            for number, id_ in enumerate(self._members)
        ]


def _flag(parameters: Mapping[str, str], name: str) -> bool:
    text = parameters.get(name, "false").lower()
    if text not in ("true", "false"):
        raise ApiError(400)
    return text == "true"


def _slug(name: str) -> str:
    return name.lower().replace(" ", "-")
