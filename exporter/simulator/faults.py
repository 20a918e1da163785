"""Faults on demand: their kinds, how they are written, and which of them a request triggers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from difflib import get_close_matches
from enum import Enum, StrEnum
from typing import Any, Self

import msgspec

from exporter.simulator.usage import draws


class Stage(Enum):
    """The part of a response that a fault affects."""

    RESPONSE = "replaces the response, whatever the key"
    ROWS = "changes the rows of /activity and /analytics/query"
    BODY = "changes the body of the response"
    SOCKET = "changes how the response is sent"


class FaultKind(StrEnum):
    """A kind of fault, its stage, and its effect in one line."""

    stage: Stage
    meaning: str

    def __new__(cls, text: str, stage: Stage, meaning: str) -> Self:
        """Make a member whose value is its text."""
        kind = str.__new__(cls, text)
        kind._value_ = text
        kind.stage = stage
        kind.meaning = meaning
        return kind

    STATUS = (
        "status-NNN",
        Stage.RESPONSE,
        "the API's error body and that status, 400 to 599; may carry Retry-After",
    )
    HTML = "html-NNN", Stage.RESPONSE, "an HTML page with that status, as sent by a proxy in front of the API"
    ERROR = "error-NNN", Stage.RESPONSE, "the API's error body of a 500 with that status, as in error-200"
    REDIRECT = "redirect", Stage.RESPONSE, "a 302 to another path"
    NOT_JSON = "not-json", Stage.RESPONSE, "plain text with the content type of JSON"
    WRONG_SHAPE = "wrong-shape", Stage.RESPONSE, "JSON with an object as data in place of a list"
    NO_DATA = "no-data", Stage.RESPONSE, "a JSON object without data"
    OVERSIZED = "oversized", Stage.RESPONSE, "endless rows, up to 1 GiB"
    GZIP_BOMB = "gzip-bomb", Stage.RESPONSE, "a small gzip body that inflates to 256 MiB"
    BAD_ROW = "bad-row", Stage.ROWS, "one row of garbage among valid rows"
    RESTATED = "restated", Stage.ROWS, "numbers of an older day differ"
    LATE_DAY = "late-day", Stage.ROWS, "yesterday has no rows yet"
    EMPTY = "empty", Stage.ROWS, "no rows at all"
    NO_CACHED_TOKENS = "no-cached-tokens", Stage.ROWS, "rows without cached_tokens"
    STRING_NUMBERS = "string-numbers", Stage.ROWS, "numbers written as strings"
    RFC3339_DATES = "rfc3339-dates", Stage.ROWS, "dates like 2026-08-23T00:00:00Z"
    PLAIN_DATES = "plain-dates", Stage.ROWS, "dates like 2026-08-23"
    TRUNCATED_ROWS = "truncated-rows", Stage.ROWS, "half of the rows of an analytics response, and `truncated: true`"
    TOP_LIST = "top-list", Stage.BODY, "a JSON list at the top"
    PRETTY = "pretty", Stage.BODY, "indented JSON"
    WRONG_ENCODING = "wrong-encoding", Stage.BODY, "Content-Encoding: br on a plain body"
    TRUNCATED = "truncated", Stage.SOCKET, "closes in the middle of the announced Content-Length"
    TRUNCATED_CHUNKED = "truncated-chunked", Stage.SOCKET, "closes in the middle, between two chunks"
    SLOW = "slow", Stage.SOCKET, "sends 20 pieces with a pause before each (0.5 s unless delay is set)"
    HANG = "hang", Stage.SOCKET, "never responds"
    RESET = "reset", Stage.SOCKET, "resets the TCP connection without a response"
    CLOSE = "close", Stage.SOCKET, "closes the connection without a response"


_NUMBERED = {kind.value.removesuffix("NNN"): kind for kind in FaultKind if kind.value.endswith("NNN")}
_EXAMPLES = ("status-500", "status-503", "status-429", "status-401", "html-200", "html-502", "error-200")
_SILENT = (FaultKind.HANG, FaultKind.RESET, FaultKind.CLOSE)
_STATUSES = {FaultKind.STATUS: range(400, 600), FaultKind.HTML: range(200, 600), FaultKind.ERROR: range(200, 600)}


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: kind, probability, number of times, path."""

    kind: FaultKind
    probability: float = 1.0
    status: int | None = None
    times: int | None = None  # how many requests trigger it before it is used up; None is unlimited
    retry_after: str | None = None  # the header's text, sent with status-NNN and html-NNN
    delay: float | None = None  # real seconds to wait before the response; for slow, before each piece
    path: str | None = None  # such as /activity; None is every path

    @property
    def name(self) -> str:
        """Return the fault as it is written on the command line."""
        return self.kind.value.replace("NNN", str(self.status))


class _Request(msgspec.Struct, forbid_unknown_fields=True):
    """A fault in the JSON of the control path."""

    kind: str
    probability: float = 1.0
    status: int | None = None
    times: int | None = None
    retry_after: str | int | None = None
    delay: float | None = None
    path: str | None = None


def kinds_help() -> str:
    """Return one line per kind."""
    width = max(len(kind.value) for kind in FaultKind)
    return "\n".join(f"{kind.value:<{width}}  {kind.meaning}" for kind in FaultKind)


def parse_fault(text: str) -> Fault:
    """Parse `KIND[:PROBABILITY]`. Raise ValueError with what was expected."""
    name, colon, chance = text.partition(":")
    fault = _named(name)
    if not colon:
        return fault
    try:
        probability = float(chance)
    except ValueError:
        raise ValueError(f"{text!r}: {chance!r} is not a probability; expected a number from 0 to 1") from None
    return _checked(replace(fault, probability=probability))


def parse_faults(body: bytes) -> tuple[Fault, ...]:
    """Parse the body of a request to the control path: one fault or a list. Raise ValueError with what is wrong."""
    try:
        decoded = msgspec.json.decode(body, type=list[_Request] | _Request)
    except msgspec.MsgspecError as error:
        raise ValueError(str(error)) from None
    return tuple(_from_request(request) for request in (decoded if isinstance(decoded, list) else [decoded]))


def as_json(fault: Fault) -> dict[str, Any]:
    """Return a fault as JSON for the control path."""
    return {name: value for name, value in asdict(fault).items() if value is not None} | {"kind": fault.name}


class FaultPlan:
    """The active faults. The seed and the order of requests decide which requests trigger them."""

    def __init__(self, seed: int, faults: Iterable[Fault] = ()) -> None:
        self._seed = seed
        self._faults: tuple[Fault, ...] = ()
        self.replace(*faults)

    @property
    def active(self) -> tuple[Fault, ...]:
        """Return the faults that are not used up."""
        counted = zip(self._faults, self._triggered, strict=True)
        return tuple(fault for fault, count in counted if fault.times is None or fault.times > count)

    def replace(self, *faults: Fault) -> None:
        """Replace all faults by these; without any, clear them."""
        self._faults = tuple(_checked(fault) for fault in faults)
        self._seen = [0] * len(faults)
        self._triggered = [0] * len(faults)

    def trigger(self, path: str, *, has_rows: bool) -> tuple[Fault, ...]:
        """Return the faults that a request triggers, and count it.

        A list of failures is a script: only the first one applies. If there is still a response to change, all row
        faults apply too, and one of the body.
        """
        failure = self._first(path, Stage.RESPONSE, Stage.SOCKET)
        if failure and (failure[0].kind.stage is Stage.RESPONSE or failure[0].kind in _SILENT):
            return failure
        candidates = self._of(path, Stage.ROWS) if has_rows else []
        rows = [fault for number, fault in candidates if self._triggers(number, fault)]
        return (*failure, *rows, *self._first(path, Stage.BODY))

    def _of(self, path: str, *stages: Stage) -> list[tuple[int, Fault]]:
        return [
            (number, fault)
            for number, fault in enumerate(self._faults)
            if fault.kind.stage in stages and fault.path in (None, path)
        ]

    def _first(self, path: str, *stages: Stage) -> tuple[Fault, ...]:
        return next(((fault,) for number, fault in self._of(path, *stages) if self._triggers(number, fault)), ())

    def _triggers(self, number: int, fault: Fault) -> bool:
        if fault.times is not None and self._triggered[number] >= fault.times:
            return False
        self._seen[number] += 1
        if draws(self._seed, "fault", number, self._seen[number])[0] >= fault.probability:
            return False
        self._triggered[number] += 1
        return True


def _named(name: str) -> Fault:
    numbered = re.fullmatch(r"(status-|html-|error-)(\d{3})", name)
    if numbered:
        return _checked(Fault(_NUMBERED[numbered[1]], status=int(numbered[2])))
    plain = {kind.value: kind for kind in FaultKind if kind not in _STATUSES}
    if name in plain:
        return Fault(plain[name])
    close = get_close_matches(name, [*plain, *_EXAMPLES], n=1)
    hint = f"; did you mean {close[0]!r}?" if close else "."
    raise ValueError(f"unknown fault {name!r}{hint} The kinds are: {', '.join(kind.value for kind in FaultKind)}")


def _from_request(request: _Request) -> Fault:
    # Both {"kind": "status-503"} and {"kind": "status", "status": 503} are accepted.
    name = request.kind
    if request.status is not None:
        family = re.sub(r"-(\d{3}|NNN)$", "", name)
        name = f"{family}-{request.status}"
    fault = _named(name)
    given = msgspec.structs.asdict(request) | {"kind": fault.kind, "status": fault.status}
    if request.retry_after is not None:
        given["retry_after"] = str(request.retry_after)
    return _checked(Fault(**given))


def _checked(fault: Fault) -> Fault:
    allowed = _STATUSES.get(fault.kind)
    if allowed is not None and fault.status not in allowed:
        raise ValueError(f"{fault.name}: expected a status from {allowed.start} to {allowed.stop - 1}")
    if not 0.0 <= fault.probability <= 1.0:
        raise ValueError(f"{fault.name}: {fault.probability} is not a probability; expected a number from 0 to 1")
    if fault.times is not None and fault.times < 0:
        raise ValueError(f"{fault.name}: times cannot be negative")
    if fault.delay is not None and not 0.0 <= fault.delay < float("inf"):
        raise ValueError(f"{fault.name}: delay must be a number of seconds, not {fault.delay}")
    if fault.retry_after is not None and re.search(r"[\r\n]", fault.retry_after):
        raise ValueError(f"{fault.name}: retry_after must be one line")
    return fault
