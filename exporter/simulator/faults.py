"""The faults that can be asked for: their kinds, how they are written, and which of them strike a request."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from difflib import get_close_matches
from enum import Enum, StrEnum
from typing import Any, Self

import msgspec

from exporter.simulator.usage import draws


class Stage(Enum):
    """What a fault touches."""

    ANSWER = "instead of the answer, whoever asks"
    ROWS = "the rows of /activity and /analytics/query"
    BODY = "how the answer is written"
    SOCKET = "how the answer is sent"


class FaultKind(StrEnum):
    """A kind of fault, where it strikes and what it does, in a line."""

    stage: Stage
    meaning: str

    def __new__(cls, text: str, stage: Stage, meaning: str) -> Self:
        """Make a member whose value is its text."""
        kind = str.__new__(cls, text)
        kind._value_ = text
        kind.stage = stage
        kind.meaning = meaning
        return kind

    STATUS = "status-NNN", Stage.ANSWER, "that status with the API's error body, from 400 to 599; may carry Retry-After"
    HTML = "html-NNN", Stage.ANSWER, "an HTML page with that status, as a proxy in front of the API sends it"
    ERROR = "error-NNN", Stage.ANSWER, "the API's error body of a 500, sent with that status: error-200"
    REDIRECT = "redirect", Stage.ANSWER, "302 to another path"
    NOT_JSON = "not-json", Stage.ANSWER, "plain text that calls itself JSON"
    WRONG_SHAPE = "wrong-shape", Stage.ANSWER, "JSON whose data is an object where a list belongs"
    NO_DATA = "no-data", Stage.ANSWER, "a JSON object without data"
    OVERSIZED = "oversized", Stage.ANSWER, "rows without end, up to 1 GiB"
    GZIP_BOMB = "gzip-bomb", Stage.ANSWER, "little gzip that inflates to 256 MiB"
    BAD_ROW = "bad-row", Stage.ROWS, "one row of garbage among good ones"
    RESTATED = "restated", Stage.ROWS, "an older day's numbers differ"
    LATE_DAY = "late-day", Stage.ROWS, "yesterday has no rows yet"
    EMPTY = "empty", Stage.ROWS, "no rows at all"
    NO_CACHED_TOKENS = "no-cached-tokens", Stage.ROWS, "rows without cached_tokens"
    STRING_NUMBERS = "string-numbers", Stage.ROWS, "numbers written as strings"
    RFC3339_DATES = "rfc3339-dates", Stage.ROWS, "dates like 2026-08-23T00:00:00Z"
    PLAIN_DATES = "plain-dates", Stage.ROWS, "dates like 2026-08-23"
    TRUNCATED_ROWS = "truncated-rows", Stage.ROWS, "half of an analytics answer's rows, and `truncated: true`"
    TOP_LIST = "top-list", Stage.BODY, "a JSON list at the top"
    PRETTY = "pretty", Stage.BODY, "indented JSON"
    WRONG_ENCODING = "wrong-encoding", Stage.BODY, "Content-Encoding: br on a plain body"
    TRUNCATED = "truncated", Stage.SOCKET, "ends in the middle of the promised Content-Length"
    TRUNCATED_CHUNKED = "truncated-chunked", Stage.SOCKET, "ends in the middle, between two chunks"
    SLOW = "slow", Stage.SOCKET, "trickles, in 20 pieces with a pause before each (0.5 s unless delay says otherwise)"
    HANG = "hang", Stage.SOCKET, "never answers"
    RESET = "reset", Stage.SOCKET, "TCP reset instead of an answer"
    CLOSE = "close", Stage.SOCKET, "closes the connection without an answer"


_NUMBERED = {kind.value.removesuffix("NNN"): kind for kind in FaultKind if kind.value.endswith("NNN")}
_EXAMPLES = ("status-500", "status-503", "status-429", "status-401", "html-200", "html-502", "error-200")
_SILENT = (FaultKind.HANG, FaultKind.RESET, FaultKind.CLOSE)
_STATUSES = {FaultKind.STATUS: range(400, 600), FaultKind.HTML: range(200, 600), FaultKind.ERROR: range(200, 600)}


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: what, how often, how many times, on which path."""

    kind: FaultKind
    probability: float = 1.0
    status: int | None = None
    times: int | None = None  # how many requests it strikes before it is used up; None never is
    retry_after: str | None = None  # the header's text, sent with status-NNN and html-NNN
    delay: float | None = None  # real seconds to wait before answering; for slow, before each piece
    path: str | None = None  # such as /activity; None is every path

    @property
    def name(self) -> str:
        """Return the fault as it is written on the command line."""
        return self.kind.value.replace("NNN", str(self.status))


class _Request(msgspec.Struct, forbid_unknown_fields=True):
    """A fault as the control path takes it."""

    kind: str
    probability: float = 1.0
    status: int | None = None
    times: int | None = None
    retry_after: str | int | None = None
    delay: float | None = None
    path: str | None = None


def kinds_help() -> str:
    """Return all kinds with what they do, a line each."""
    width = max(len(kind.value) for kind in FaultKind)
    return "\n".join(f"{kind.value:<{width}}  {kind.meaning}" for kind in FaultKind)


def parse_fault(text: str) -> Fault:
    """Read `KIND[:PROBABILITY]`. Raise ValueError with what would have been right."""
    name, colon, chance = text.partition(":")
    fault = _named(name)
    if not colon:
        return fault
    try:
        probability = float(chance)
    except ValueError:
        raise ValueError(f"{text!r}: {chance!r} is no probability; expected a number from 0 to 1") from None
    return _checked(replace(fault, probability=probability))


def read_faults(body: bytes) -> tuple[Fault, ...]:
    """Read what the control path is sent: a JSON list of faults, or one. Raise ValueError with what is wrong."""
    try:
        asked = msgspec.json.decode(body, type=list[_Request] | _Request)
    except msgspec.MsgspecError as error:
        raise ValueError(str(error)) from None
    return tuple(_from_request(request) for request in (asked if isinstance(asked, list) else [asked]))


def as_json(fault: Fault) -> dict[str, Any]:
    """Return a fault as the control path shows it."""
    fields = ("probability", "status", "times", "retry_after", "delay", "path")
    return {"kind": fault.name} | {name: value for name in fields if (value := getattr(fault, name)) is not None}


class FaultPlan:
    """The faults in force. Which requests they strike follows from the seed and the order of requests."""

    def __init__(self, seed: int, faults: Iterable[Fault] = ()) -> None:
        self._seed = seed
        self._faults: tuple[Fault, ...] = ()
        self.replace(*faults)

    @property
    def active(self) -> tuple[Fault, ...]:
        """Return the faults that aren't used up."""
        both = zip(self._faults, self._struck, strict=True)
        return tuple(fault for fault, struck in both if fault.times is None or fault.times > struck)

    def replace(self, *faults: Fault) -> None:
        """Put these faults in the place of all others; none at all clears."""
        self._faults = tuple(_checked(fault) for fault in faults)
        self._seen = [0] * len(faults)
        self._struck = [0] * len(faults)

    def strike(self, path: str, *, has_rows: bool) -> tuple[Fault, ...]:
        """Return the faults that strike this request, and count it.

        A list of failures is a script: the first that strikes is the only one. Where there is still something to spoil,
        all faults of rows join it, and one of the body's.
        """
        failure = self._first(path, Stage.ANSWER, Stage.SOCKET)
        if failure and (failure[0].kind.stage is Stage.ANSWER or failure[0].kind in _SILENT):
            return failure
        rows = (
            [fault for number, fault in self._of(path, Stage.ROWS) if self._strikes(number, fault)] if has_rows else []
        )
        return (*failure, *rows, *self._first(path, Stage.BODY))

    def _of(self, path: str, *stages: Stage) -> list[tuple[int, Fault]]:
        return [
            (number, fault)
            for number, fault in enumerate(self._faults)
            if fault.kind.stage in stages and fault.path in (None, path)
        ]

    def _first(self, path: str, *stages: Stage) -> tuple[Fault, ...]:
        return next(((fault,) for number, fault in self._of(path, *stages) if self._strikes(number, fault)), ())

    def _strikes(self, number: int, fault: Fault) -> bool:
        if fault.times is not None and self._struck[number] >= fault.times:
            return False
        self._seen[number] += 1
        if draws(self._seed, "fault", number, self._seen[number])[0] >= fault.probability:
            return False
        self._struck[number] += 1
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
    # Both {"kind": "status-503"} and {"kind": "status", "status": 503} are understood.
    name = request.kind
    if request.status is not None:
        family = re.sub(r"-(\d{3}|NNN)$", "", name)
        name = f"{family}-{request.status}"
    fault = _named(name)
    return _checked(
        replace(
            fault,
            probability=request.probability,
            times=request.times,
            retry_after=None if request.retry_after is None else str(request.retry_after),
            delay=request.delay,
            path=request.path,
        )
    )


def _checked(fault: Fault) -> Fault:
    allowed = _STATUSES.get(fault.kind)
    if allowed is not None and fault.status not in allowed:
        raise ValueError(f"{fault.name}: expected a status from {allowed.start} to {allowed.stop - 1}")
    if not 0.0 <= fault.probability <= 1.0:
        raise ValueError(f"{fault.name}: {fault.probability} is no probability; expected a number from 0 to 1")
    if fault.times is not None and fault.times < 0:
        raise ValueError(f"{fault.name}: times can't be negative")
    if fault.delay is not None and not 0.0 <= fault.delay < float("inf"):
        raise ValueError(f"{fault.name}: delay must be a number of seconds, not {fault.delay}")
    if fault.retry_after is not None and re.search(r"[\r\n]", fault.retry_after):
        raise ValueError(f"{fault.name}: retry_after must be one line")
    return fault
