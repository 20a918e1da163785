"""The simulated service without its sockets: settings, accounts and routing."""

from __future__ import annotations

import asyncio
import re
from collections import Counter, deque
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache

from aiohttp import web

from exporter.clock import Clock
from exporter.simulator import analytics_endpoints, catalogue, organization
from exporter.simulator.accounts import AccountData, Caller, identify
from exporter.simulator.fault_effects import corrupt_rows
from exporter.simulator.faults import Fault, FaultPlan
from exporter.simulator.http_responses import (
    WINDOW,
    ActivityQuery,
    ApiError,
    SimulatedResponse,
    error_body,
    json_response,
    parse_activity_query,
)
from exporter.simulator.replay import Recording
from exporter.simulator.usage import DEFAULT_ENDPOINTS, DEFAULT_SEED, SimulatedAccount

PREFIX = "/api/v1"
_KEPT_REQUESTS = 1000
_KEPT_BODIES = 8  # of /activity, so that a repeated request costs only a write
# What the live service has returned to ordinary keys, in place of a 403.
_ZERO_CREDITS = {"data": {"total_credits": 0, "total_usage": 0}}
_KEY = re.compile(r"sk-or-[\w-]+")
_KEY_PATHS = ("/key", "/auth/key")  # the second is the old path of the first, still in use
_OPERATIONS = ("/activity", "/credits", *_KEY_PATHS, analytics_endpoints.META, analytics_endpoints.QUERY)


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorSettings:
    """Settings of the simulator."""

    seed: int = DEFAULT_SEED
    endpoints: int = DEFAULT_ENDPOINTS
    faults: tuple[Fault, ...] = ()
    analytics_rows: int = 10_000  # most rows of an analytics response; more are cut off, with `truncated: true`
    replay: Recording | SimulatedAccount | None = None  # replaces the seeded data of every account
    api_keys: int = organization.DEFAULT_KEYS  # in GET /keys
    workspaces: int = organization.DEFAULT_WORKSPACES  # three at least
    models: int = 0  # in GET /models, beside those that accounts use


@dataclass(frozen=True, slots=True)
class SeenRequest:
    """One request as it arrived, without the key's text."""

    at: float  # monotonic seconds of the simulator's clock
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    faults: tuple[str, ...]
    content: str = ""


class Simulator:
    """The simulated service: its accounts, its faults and the requests it received."""

    def __init__(self, settings: SimulatorSettings, clock: Clock) -> None:
        self.faults = FaultPlan(settings.seed, settings.faults)
        self.counts: Counter[str] = Counter()
        self.requests: deque[SeenRequest] = deque(maxlen=_KEPT_REQUESTS)
        self.stopping = asyncio.Event()
        self._settings = settings
        self._clock = clock
        self._started = self.now().date()
        self._accounts: dict[Caller, AccountData] = {}
        self._activity = lru_cache(_KEPT_BODIES)(self._activity_response)
        self._catalogue = catalogue.Catalogue(settings.models)
        self._analytics = analytics_endpoints.AnalyticsEndpoints(settings.analytics_rows)

    def now(self) -> datetime:
        """Return the service's time."""
        return self._clock.now().astimezone(UTC)

    def record(self, request: web.Request, content: bytes, faults: tuple[Fault, ...]) -> None:
        """Remember a request."""
        self.counts[request.path] += 1
        seen = SeenRequest(
            self._clock.monotonic(),
            request.method,
            request.path,
            {name: without_key(name, value) for name, value in request.query.items()},
            {name: without_key(name, value) for name, value in request.headers.items()},
            tuple(fault.name for fault in faults),
            without_key("", content.decode(errors="replace")),
        )
        self.requests.append(seen)

    def respond(self, request: web.Request, content: bytes, row_faults: list[Fault]) -> SimulatedResponse:
        """Return the API's response to a request."""
        try:
            return self._respond(request, content, row_faults)
        except ApiError as error:
            return SimulatedResponse(error.status, error_body(error.status, str(error)))

    def _respond(self, request: web.Request, content: bytes, row_faults: list[Fault]) -> SimulatedResponse:
        operation = request.path.removeprefix(PREFIX) if request.path.startswith(PREFIX) else ""
        is_public, is_managed = catalogue.serves(operation), organization.serves(operation)
        if operation not in _OPERATIONS and not is_public and not is_managed:
            raise ApiError(404)
        if request.method not in (("POST",) if operation == analytics_endpoints.QUERY else ("GET", "HEAD")):
            raise ApiError(405)
        authorization, now = request.headers.get("Authorization"), self.now()
        if is_public:
            return self._catalogue.respond(operation, request.query, now, with_key=authorization is not None)
        caller = identify(authorization, self._settings.seed)
        if operation == "/credits":
            return json_response(self._account(caller).credits(now) if caller.is_management else _ZERO_CREDITS)
        if operation in _KEY_PATHS:
            return json_response(self._account(caller).key(caller, now))
        if not caller.is_management:
            raise ApiError(403)
        return self._respond_to_management_key(caller, operation, request, content, row_faults)

    def _respond_to_management_key(
        self, caller: Caller, operation: str, request: web.Request, content: bytes, row_faults: list[Fault]
    ) -> SimulatedResponse:
        account, now = self._account(caller), self.now()
        match operation:
            case analytics_endpoints.META:
                return self._analytics.meta(caller, now)
            case analytics_endpoints.QUERY:
                return self._analytics.query(caller, content, account, now, row_faults)
            case "/activity":
                query = parse_activity_query(request.query, now.date())
                if not row_faults:
                    return self._activity(caller, query, now.date())
                return json_response({"data": corrupt_rows(account.rows(query, now.date()), row_faults, now)})
        return account.organization.respond(operation, request.query, now)

    def _activity_response(self, caller: Caller, query: ActivityQuery, today: date) -> SimulatedResponse:
        return json_response({"data": self._account(caller).rows(query, today)})

    def _account(self, caller: Caller) -> AccountData:
        if caller not in self._accounts:
            settings = self._settings
            source = settings.replay or SimulatedAccount(caller.seed, settings.endpoints)
            opened = self._started - 2 * WINDOW
            self._accounts[caller] = AccountData(
                caller, source, opened, keys=settings.api_keys, workspaces=settings.workspaces
            )
        return self._accounts[caller]


def without_key(name: str, value: str) -> str:
    """Return a header's or a parameter's text with any key in it replaced."""
    if name.lower() == "authorization":
        return re.sub("(Bearer |Basic )?.*", r"\1<secret>", value, count=1)
    return _KEY.sub("<secret>", value)
