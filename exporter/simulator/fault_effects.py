"""The effect of each fault on rows and bodies: pure functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import msgspec

from exporter.simulator.faults import Fault, FaultKind, Stage
from exporter.simulator.http_responses import SimulatedResponse, error_body
from exporter.simulator.usage import UsageRow

JsonRow = dict[str, Any]

_PAGE = (
    "<!DOCTYPE html>\n<html><head><title>openrouter.ai | {status}</title></head>"
    "<body><h1>Error {status}</h1><p>cloudflare</p></body></html>\n"
)
_WRONG_BODIES = {
    FaultKind.NOT_JSON: b"upstream connect error or disconnect/reset before headers",
    FaultKind.WRONG_SHAPE: b'{"data":{}}',
    FaultKind.NO_DATA: b'{"rows":[]}',
}
_RESTATED = timedelta(days=2)  # before the newest day
# Everything that a row must not have, and a text that looks like the boundary between two rows.
_GARBAGE: JsonRow = {
    "date": "the day before",
    "model": None,
    "endpoint_id": {"nested": [1, {"quoted": 'a "},{" in a text'}]},
    "usage": "NaN",
    "requests": -1,
    "prompt_tokens": True,
    "completion_tokens": 1e308,
}


def replacement(fault: Fault, now: datetime) -> SimulatedResponse:
    """Return the response that replaces the API's. Endless responses are sent by `transport`."""
    status = fault.status or 200
    headers = {} if fault.retry_after is None else {"Retry-After": fault.retry_after}
    match fault.kind:
        case FaultKind.STATUS:
            return SimulatedResponse(status, error_body(status), headers | _limits(status, now))
        case FaultKind.ERROR:
            return SimulatedResponse(status, error_body(500), headers)
        case FaultKind.HTML:
            page = _PAGE.format(status=status).encode()
            return SimulatedResponse(status, page, headers, content_type="text/html; charset=UTF-8")
        case FaultKind.REDIRECT:
            return SimulatedResponse(302, b"", {"Location": "/api/v1/moved"})
    return SimulatedResponse(200, _WRONG_BODIES[fault.kind])


def corrupt_rows(rows: Iterable[UsageRow | JsonRow], faults: Sequence[Fault], now: datetime) -> list[JsonRow]:
    """Return rows with the faults applied: first those that read numbers, garbage last."""
    changed: list[JsonRow] = msgspec.to_builtins(list(rows))
    kinds = {fault.kind for fault in faults}
    yesterday = now.date() - timedelta(days=1)
    if FaultKind.RESTATED in kinds:
        changed = [_restated(row) if _is_of(yesterday - _RESTATED, row) else row for row in changed]
    if FaultKind.LATE_DAY in kinds:
        changed = [row for row in changed if not _is_of(yesterday, row)]
    if FaultKind.EMPTY in kinds:
        changed = []
    for kind, change in _ROW_CHANGES.items():
        if kind in kinds:
            changed = [change(row) for row in changed]
    if FaultKind.BAD_ROW in kinds:
        changed.insert(len(changed) // 2, _GARBAGE)
    return changed


def corrupt_body(response: SimulatedResponse, fault: Fault) -> SimulatedResponse:
    """Return a response with a fault applied to its body; a body that is not JSON stays as it is."""
    match fault.kind:
        case FaultKind.WRONG_ENCODING:
            return replace(response, headers={**response.headers, "Content-Encoding": "br"}, may_compress=False)
        case FaultKind.PRETTY if response.content_type == "application/json":
            return replace(response, body=msgspec.json.format(response.body, indent=2))
        case FaultKind.TOP_LIST if response.content_type == "application/json":
            content = msgspec.json.decode(response.body)
            data = content.get("data", []) if isinstance(content, dict) else content
            return replace(response, body=msgspec.json.encode(data if isinstance(data, list) else [data]))
    return response


def of_stage(faults: Iterable[Fault], stage: Stage) -> list[Fault]:
    """Return the faults of a stage."""
    return [fault for fault in faults if fault.kind.stage is stage]


def _limits(status: int, now: datetime) -> dict[str, str]:
    """Return the headers of a platform limit; only a 429 has them."""
    if status != 429:  # noqa: PLR2004  # a status is its own name
        return {}
    reset = now.replace(second=0, microsecond=0) + timedelta(minutes=1)
    milliseconds = str(int(reset.timestamp() * 1000))
    return {"X-RateLimit-Limit": "64", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": milliseconds}


def _is_of(day: date, row: JsonRow) -> bool:
    return str(row["date"]).startswith(day.isoformat())


def _restated(row: JsonRow) -> JsonRow:
    changed = {"requests": row.get("requests", 0) + 1, "usage": round(row.get("usage", 0) * 1.25 + 0.01, 6)}
    return row | {name: value for name, value in changed.items() if name in row}


def _with_texts(row: JsonRow) -> JsonRow:
    return {name: str(value) if isinstance(value, int | float) else value for name, value in row.items()}


_ROW_CHANGES: dict[FaultKind, Callable[[JsonRow], JsonRow]] = {
    FaultKind.NO_CACHED_TOKENS: lambda row: {name: row[name] for name in row if name != "cached_tokens"},
    FaultKind.STRING_NUMBERS: _with_texts,
    FaultKind.RFC3339_DATES: lambda row: row | {"date": f"{row['date'][:10]}T00:00:00Z"},
    FaultKind.PLAIN_DATES: lambda row: row | {"date": row["date"][:10]},
}
