"""`GET /analytics/meta` and `POST /analytics/query`: who may ask, how often, and what is answered."""

from __future__ import annotations

from collections import OrderedDict, deque
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from exporter.simulator.analytics_meta import meta
from exporter.simulator.analytics_query import MOST_ROWS, read_asked
from exporter.simulator.analytics_result import rows_of
from exporter.simulator.analytics_usage import Uses
from exporter.simulator.attribution import Slice
from exporter.simulator.fault_effects import answer_instead, spoil_rows
from exporter.simulator.faults import Fault, FaultKind
from exporter.simulator.http_responses import ApiError, SimulatedResponse, json_response
from exporter.simulator.usage import UsageRow

if TYPE_CHECKING:
    from exporter.simulator.accounts import Caller

META, QUERY = "/analytics/meta", "/analytics/query"
MOST_REQUESTS = 64  # a minute, of one account
_MINUTE = timedelta(minutes=1)
_CACHED_FOR = timedelta(minutes=1)
_MOST_CACHED = 64
# Of the faults of rows, those that rows without a date can have.
_SPOILS = (FaultKind.BAD_ROW, FaultKind.EMPTY, FaultKind.STRING_NUMBERS, FaultKind.NO_CACHED_TOKENS)


class Used(Protocol):
    """An account, as far as queries need it."""

    slices: tuple[Slice, ...]

    def rows_of_day(self, day: date) -> list[UsageRow]:
        """Return all that a day brings by its end."""


class AnalyticsEndpoints:
    """The analytics API of all accounts. An answer is kept for a minute; the same question brings it again."""

    def __init__(self, most_rows: int = MOST_ROWS) -> None:
        self._most_rows = most_rows
        self._asked: dict[Caller, deque[datetime]] = {}
        self._uses: dict[Caller, Uses] = {}
        self._cached: OrderedDict[tuple[Caller, bytes], tuple[datetime, dict[str, Any]]] = OrderedDict()

    def meta(self, caller: Caller, now: datetime) -> SimulatedResponse:
        """Return what can be asked. Raise ApiError for a request that is refused."""
        return self._refusal(caller, now) or json_response(meta())

    def query(
        self, caller: Caller, content: bytes, used: Used, now: datetime, faults: list[Fault]
    ) -> SimulatedResponse:
        """Return the answer to a question. Raise ApiError for a request that is refused."""
        refusal = self._refusal(caller, now)
        return refusal or json_response({"data": _spoilt(self._data(caller, content, used, now), faults, now)})

    def _refusal(self, caller: Caller, now: datetime) -> SimulatedResponse | None:
        if not caller.is_management:
            raise ApiError(403)
        return answer_instead(Fault(FaultKind.STATUS, status=429), now) if self._is_too_often(caller, now) else None

    def _is_too_often(self, caller: Caller, now: datetime) -> bool:
        """Count a request, unless it is one too many."""
        asked = self._asked.setdefault(caller, deque(maxlen=MOST_REQUESTS))
        if len(asked) == MOST_REQUESTS and now - asked[0] < _MINUTE:
            return True
        asked.append(now)
        return False

    def _data(self, caller: Caller, content: bytes, used: Used, now: datetime) -> dict[str, Any]:
        place = (caller, content)
        made, data = self._cached.get(place, (None, {}))
        if made is not None and now - made < _CACHED_FOR:
            return data
        asked = read_asked(content, now)
        uses = self._uses.setdefault(caller, Uses(used.rows_of_day, used.slices))
        found = uses.find(asked, now)
        rows = rows_of(asked, found)
        shown = rows[: min(asked.limit, self._most_rows)]
        data = {
            "data": shown,
            "metadata": {"query_time_ms": 42, "row_count": len(shown), "truncated": len(shown) < len(rows)},
            "cachedAt": int(now.timestamp() * 1000),
        }
        if found.warnings:
            data["warnings"] = found.warnings
        self._cached[place] = (now, data)
        while len(self._cached) > _MOST_CACHED:
            self._cached.popitem(last=False)
        return data


def _spoilt(data: dict[str, Any], faults: list[Fault], now: datetime) -> dict[str, Any]:
    """Return an answer as the faults that strike its rows leave it."""
    rows = data["data"]
    if any(fault.kind is FaultKind.TRUNCATED_ROWS for fault in faults):
        metadata = data["metadata"] | {"row_count": len(rows) // 2, "truncated": True}
        data = data | {"data": rows[: len(rows) // 2], "metadata": metadata}
    spoiling = [fault for fault in faults if fault.kind in _SPOILS]
    return data | {"data": spoil_rows(data["data"], spoiling, now)} if spoiling else data
