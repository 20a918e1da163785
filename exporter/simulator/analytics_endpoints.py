"""`GET /analytics/meta` and `POST /analytics/query`: authorization, the rate limit, and a cache of responses."""

from __future__ import annotations

from collections import OrderedDict, deque
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from exporter.simulator.analytics_meta import meta
from exporter.simulator.analytics_query import MAX_ROWS, parse_query
from exporter.simulator.analytics_result import rows_of
from exporter.simulator.fault_effects import corrupt_rows, replacement
from exporter.simulator.faults import Fault, FaultKind
from exporter.simulator.http_responses import SimulatedResponse, json_response

if TYPE_CHECKING:
    from exporter.simulator.accounts import AccountData, Caller

META, QUERY = "/analytics/meta", "/analytics/query"
_REQUESTS_PER_MINUTE = 64  # of one account
_MINUTE = timedelta(minutes=1)
_CACHE_TTL = timedelta(minutes=1)
_CACHE_SIZE = 64
# The row faults that apply to rows without a date.
_ROW_FAULTS = (FaultKind.BAD_ROW, FaultKind.EMPTY, FaultKind.STRING_NUMBERS, FaultKind.NO_CACHED_TOKENS)


class AnalyticsEndpoints:
    """The analytics API of all accounts. A response is cached for a minute and returned for the same request."""

    def __init__(self, max_rows: int = MAX_ROWS) -> None:
        self._max_rows = max_rows
        self._requests: dict[Caller, deque[datetime]] = {}
        self._cache: OrderedDict[tuple[Caller, bytes], tuple[datetime, dict[str, Any]]] = OrderedDict()

    def meta(self, caller: Caller, now: datetime) -> SimulatedResponse:
        """Return the available metrics and dimensions."""
        return self._rejection(caller, now) or json_response(meta())

    def query(
        self, caller: Caller, content: bytes, account: AccountData, now: datetime, faults: list[Fault]
    ) -> SimulatedResponse:
        """Return the result of a query. Raise ApiError for a bad query."""
        rejection = self._rejection(caller, now)
        return rejection or json_response({"data": _corrupted(self._data(caller, content, account, now), faults, now)})

    def _rejection(self, caller: Caller, now: datetime) -> SimulatedResponse | None:
        """Count a request; return a 429 if it is over the rate limit."""
        requests = self._requests.setdefault(caller, deque(maxlen=_REQUESTS_PER_MINUTE))
        if len(requests) == _REQUESTS_PER_MINUTE and now - requests[0] < _MINUTE:
            return replacement(Fault(FaultKind.STATUS, status=429), now)
        requests.append(now)
        return None

    def _data(self, caller: Caller, content: bytes, account: AccountData, now: datetime) -> dict[str, Any]:
        made, data = self._cache.get((caller, content), (None, {}))
        if made is not None and now - made < _CACHE_TTL:
            return data
        query = parse_query(content, now)
        rows = rows_of(query, account.usage.totals(query, now))
        returned = rows[: min(query.limit, self._max_rows)]
        data = {
            "data": returned,
            "metadata": {"query_time_ms": 42, "row_count": len(returned), "truncated": len(returned) < len(rows)},
            "cachedAt": int(now.timestamp() * 1000),
        }
        warnings = account.usage.warnings(query)
        if warnings:
            data["warnings"] = warnings
        self._cache[caller, content] = (now, data)
        while len(self._cache) > _CACHE_SIZE:
            self._cache.popitem(last=False)
        return data


def _corrupted(data: dict[str, Any], faults: list[Fault], now: datetime) -> dict[str, Any]:
    """Return the data with the faults applied to its rows."""
    rows = data["data"]
    if any(fault.kind is FaultKind.TRUNCATED_ROWS for fault in faults):
        metadata = data["metadata"] | {"row_count": len(rows) // 2, "truncated": True}
        data = data | {"data": rows[: len(rows) // 2], "metadata": metadata}
    of_rows = [fault for fault in faults if fault.kind in _ROW_FAULTS]
    return data | {"data": corrupt_rows(data["data"], of_rows, now)} if of_rows else data
