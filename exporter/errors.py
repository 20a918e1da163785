"""All exceptions of this program.

ExporterError
├── UsageError              an option that only its command can check; exit code 2
├── ConfigurationError      invalid configuration, with every mistake and its position
│   └── AccountsRejected    valid except for some accounts, which stay as they were
├── UnknownAccount          a scrape of accounts of which none exists
├── SecretError             no usable key: variable unset, file missing or empty, text that is not a key
├── ExportError             history that can't be exported whole: a day is not completed, or rows can't be used
├── CatalogueError          the public catalogue, whose list prices an export needs, can't be read
├── OutputError             a command's output can't be written: the disk is full, or a pipe is closed
├── ListenError             an address can't be listened on: malformed, in use, not local
└── PollError               a poll failed; the last values stay
    ├── AttemptError        one request failed; has a status class
    │   ├── StatusError     a response other than 2xx
    │   ├── ConnectionFailed  no response: refused, reset, name not found, TLS failure
    │   ├── AttemptTimeout  no response in time
    │   └── InvalidResponse   a response that breaks the API's contract
    ├── DeadlineExceeded    the poll's deadline has passed
    ├── ListChanged         a list of several pages kept changing while it was read
    ├── TooManyRows         a response was truncated, and can't be requested in parts
    ├── UnknownName         a query has a name that the API does not know
    └── NoBalance           zeros that are not a balance: the key is not a management key
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

StatusClass = Literal["3xx", "4xx", "5xx", "timeout", "connection", "invalid_response"]
STATUS_CLASSES: tuple[StatusClass, ...] = get_args(StatusClass)
ErrorSource = Literal["certificate", "connection_refused", "proxy", "redirect", "web_page"]
OK = 200


class ExporterError(Exception):
    """Base of all exceptions that this program raises on purpose."""


class UsageError(ExporterError):
    """An option that the parser accepts, and the command does not."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake in a configuration file. `line` and `column` count from 1; without a position they are 0."""

    file: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        position = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{position}: {self.message}"


class ConfigurationError(ExporterError):
    """Invalid configuration. `mistakes` has every mistake in it, in the file's order."""

    def __init__(self, mistakes: tuple[Mistake, ...]) -> None:
        super().__init__("\n".join(str(mistake) for mistake in mistakes))
        self.mistakes = mistakes


class AccountsRejected(ConfigurationError):
    """A configuration is in force except for accounts whose own files have mistakes: those stay as they were."""


class SecretError(ExporterError):
    """No usable secret. The message names its source, never its content."""


class UnknownAccount(ExporterError):
    """A scrape of accounts of which none exists."""


class ListenError(ExporterError):
    """An address can't be listened on. The message names the address and the reason."""


class ExportError(ExporterError):
    """History that can't be exported whole. The message names the day or the rows."""


class CatalogueError(ExporterError):
    """The public catalogue can't be read. The cause is not an account."""

    def __init__(self, cause: PollError) -> None:
        super().__init__(str(cause))
        self.cause = cause


class OutputError(ExporterError):
    """The output of a command can't be written."""


class PollError(ExporterError):
    """A poll failed. Until `not_before`, a monotonic time, the API must not be polled again.

    `reason` is a label value, None if a request failed.
    """

    reason: str | None = None
    not_before: float | None = None


class AttemptError(PollError):
    """A request failed. `status_class` is the label that counts it, and `duration` is in seconds.

    `attempt` is its number within the poll, from 1. `source` is what the failure itself shows to be at fault.
    """

    status_class: StatusClass = "connection"
    status: int | None = None
    duration: float = 0.0
    operation: str = ""
    attempt: int = 1

    def __init__(self, message: str, source: ErrorSource | None = None) -> None:
        super().__init__(message)
        self.source = source

    @property
    def cause(self) -> str:
        """Return what distinguishes this failure from others in an outage: the status, or else its class."""
        return self.status_class if self.status in (None, OK) else str(self.status)


class StatusError(AttemptError):
    """A response with a status other than 2xx. The message is the API's own, if it sent one."""

    def __init__(
        self, status: int, message: str, retry_after: float | None = None, source: ErrorSource | None = None
    ) -> None:
        super().__init__(message, source)
        self.status = status
        self.retry_after = retry_after
        self.status_class = status_class_of(status)


class ConnectionFailed(AttemptError):
    """No response: connection refused or reset, name not found, certificate not trusted."""

    status_class: StatusClass = "connection"


class AttemptTimeout(AttemptError):
    """No complete response in time."""

    status_class: StatusClass = "timeout"


class InvalidResponse(AttemptError):
    """A response that breaks the API's contract: not JSON, truncated, too large, of a wrong shape."""

    status_class: StatusClass = "invalid_response"
    status: int | None = OK


class DeadlineExceeded(PollError):
    """The poll has taken longer than `max_elapsed_time`."""

    reason = "deadline_exceeded"


class ListChanged(PollError):
    """A list of several pages kept changing while it was read: rows may be missing."""

    reason = "list_changed"


class TooManyRows(PollError):
    """A truncated response that can't be requested in parts: partial data must not be published as complete."""

    reason = "too_many_rows"


class UnknownName(PollError):
    """A configured query has a name that the API does not know, or one that can't be published."""

    reason = "unknown_name"


class NoBalance(PollError):
    """The API returned zeros because this is not a management key."""

    reason = "no_balance"


def status_class_of(status: int) -> StatusClass:
    """Return the class that counts a status; a status outside 300 to 599 is an invalid response."""
    classes: dict[int, StatusClass] = {3: "3xx", 4: "4xx", 5: "5xx"}
    return classes.get(status // 100, "invalid_response")
