"""Every error of this program, in one tree.

ExporterError
├── UsageError              an option whose text only its command can judge; exit code 2
├── ConfigurationError      the configuration can't be used; carries every mistake, each with its place
├── SecretError             a key can't be read: variable unset, file missing or empty
├── OutputError             a command's output can't be written: the disk is full, or a pipe is closed
├── ListenError             an address can't be listened on: malformed, in use, not ours
└── PollError               one poll brought nothing to publish; the last good values stay
    ├── AttemptError        one request failed; has a status class, and says whether trying again makes sense
    │   ├── StatusError     an answer that isn't 2xx
    │   ├── ConnectionFailed  no answer: refused, reset, name not found, TLS refused
    │   ├── AttemptTimeout  no answer in time
    │   └── InvalidResponse   an answer that isn't what the API promises
    ├── DeadlineExceeded    the poll's time is over
    ├── ListChanged         a list of several pages never held still while it was read
    ├── TooManyRows         an answer was cut off, and can't be had in parts
    ├── UnknownName         a query names what the API does not know
    └── NoBalance           zeros that are no balance: an ordinary key is told nothing else
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

StatusClass = Literal["3xx", "4xx", "5xx", "timeout", "connection", "invalid_response"]
STATUS_CLASSES: tuple[StatusClass, ...] = ("3xx", "4xx", "5xx", "timeout", "connection", "invalid_response")


class ExporterError(Exception):
    """Root of all errors that this program raises on purpose."""


class UsageError(ExporterError):
    """The command line asks for what there isn't, as far as only the command itself can tell."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake in a configuration file; `line` and `column` count from 1, 0 where there is no file."""

    file: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{place}: {self.message}"


class ConfigurationError(ExporterError):
    """The configuration can't be used. `mistakes` holds all that is wrong with it, in the file's order."""

    def __init__(self, mistakes: tuple[Mistake, ...]) -> None:
        super().__init__("\n".join(str(mistake) for mistake in mistakes))
        self.mistakes = mistakes


class SecretError(ExporterError):
    """A secret can't be read. The message names its source, never its content."""


class ListenError(ExporterError):
    """An address can't be listened on. The message names the address and what is wrong with it."""


class OutputError(ExporterError):
    """The output of a command can't be written."""


class PollError(ExporterError):
    """One poll brought nothing to publish. `not_before` is a monotonic time before which to leave the API alone.

    `reason` is a word for what is no failed request, None for what is.
    """

    reason: str | None = None
    not_before: float | None = None


class AttemptError(PollError):
    """One request failed. `status_class` is the label it is counted under, `duration` what it took, in seconds.

    `attempt` is its number within the poll, from 1.
    """

    status_class: StatusClass = "connection"
    status: int | None = None
    duration: float = 0.0
    operation: str = ""
    attempt: int = 1

    @property
    def cause(self) -> str:
        """Return what distinguishes this failure from others in an outage: the status, or else its class."""
        return str(self.status or self.status_class)


class StatusError(AttemptError):
    """The API answered with a status other than 2xx; the message is the API's own where it gave one."""

    def __init__(self, status: int, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after
        self.status_class = status_class_of(status)


class ConnectionFailed(AttemptError):
    """No answer came: refused, reset, name not found, certificate not trusted."""

    status_class: StatusClass = "connection"


class AttemptTimeout(AttemptError):
    """No whole answer came in time."""

    status_class: StatusClass = "timeout"


class InvalidResponse(AttemptError):
    """The answer isn't what the API promises: not JSON, truncated, too large, of a wrong shape."""

    status_class: StatusClass = "invalid_response"


class DeadlineExceeded(PollError):
    """The poll's `max_elapsed_time` is over."""

    reason = "deadline_exceeded"


class ListChanged(PollError):
    """A list of several pages never held still while it was read: rows may be missing."""

    reason = "list_changed"


class TooManyRows(PollError):
    """An answer was cut off, and can't be had whole in parts: a part must not be taken for the whole."""

    reason = "too_many_rows"


class UnknownName(PollError):
    """A configured query names what the API does not know, or what can't be published as it is."""

    reason = "unknown_name"


class NoBalance(PollError):
    """Zeros that are no balance: the API tells an ordinary key nothing else."""

    reason = "no_balance"


def status_class_of(status: int) -> StatusClass:
    """Return the class a status is counted under; an answer outside 300 to 599 is an invalid response."""
    match status // 100:
        case 3:
            return "3xx"
        case 4:
            return "4xx"
        case 5:
            return "5xx"
        case _:
            return "invalid_response"
