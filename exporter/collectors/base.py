"""The base class of collectors, one poll, and the result of a poll."""

from __future__ import annotations

import asyncio
import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Generic, Self, TypeVar

from exporter.api.client import Client, OnProgress, Request, ignore_progress
from exporter.api.rejections import Rejections
from exporter.api.response import Response
from exporter.clock import Clock
from exporter.collectors.subjects import Subject
from exporter.collectors.used_models import ModelUse
from exporter.config.collector_settings import CollectorSettings
from exporter.config.configuration import Account
from exporter.errors import DeadlineExceeded, InvalidResponse, PollError
from exporter.exposition.families import MetricFamily, Snapshot
from exporter.status import BudgetStatus, QueryStatus, Retirement, Top

SettingsType = TypeVar("SettingsType", bound=CollectorSettings)

SLICE_SECONDS = 0.001
ITERATIONS = 4  # of the event loop per pause: serving one scrape takes several


@dataclass(slots=True, kw_only=True, eq=False)
class Poll:
    """One poll in progress. It began at `instant`; `started` and `deadline` are monotonic seconds.

    `rejections` collects the rows that cannot be used; they count even if the poll fails. `quiet` keeps failures out
    of the log during an outage.
    """

    instant: datetime
    deadline: float
    client: Client
    clock: Clock
    quiet: bool = False
    on_progress: OnProgress = ignore_progress
    rejections: Rejections = field(default_factory=Rejections)
    started: float = field(init=False)
    _slice_end: float = field(init=False)

    def __post_init__(self) -> None:
        self.started = self.clock.monotonic()
        self._slice_end = self.started + SLICE_SECONDS

    @classmethod
    def begin(
        cls,
        client: Client,
        clock: Clock,
        longest: float,
        *,
        quiet: bool = False,
        on_progress: OnProgress = ignore_progress,
    ) -> Self:
        """Return a poll that begins now and may take `longest` seconds."""
        return cls(
            instant=clock.now(),
            deadline=clock.monotonic() + longest,
            client=client,
            clock=clock,
            quiet=quiet,
            on_progress=on_progress,
        )

    @property
    def today(self) -> date:
        """The current UTC day, by our clock."""
        return self.instant.astimezone(UTC).date()

    def wall_time(self, moment: float) -> datetime:
        """Convert a monotonic time to the time of our wall clock."""
        return self.instant + timedelta(seconds=moment - self.started)

    def monotonic_time(self, moment: datetime) -> float:
        """Convert a time of our wall clock to monotonic time."""
        return self.started + (moment - self.instant).total_seconds()

    async def request(self, request: Request, deadline: float = math.inf) -> Response:
        """Return the API's response, by the earlier of `deadline` and the poll's own deadline. Raises PollError."""
        deadline = min(deadline, self.deadline)
        return await self.client.request(request, deadline, quiet=self.quiet, on_progress=self.on_progress)

    @contextmanager
    def reading(self, operation: str) -> Iterator[None]:
        """Count an InvalidResponse that is raised inside as a failed attempt of this operation."""
        try:
            yield
        except InvalidResponse as error:
            error.operation = operation
            self.client.metrics.failed(operation, error)
            raise

    @contextmanager
    def within_half(self) -> Iterator[None]:
        """Limit the requests made inside to half of the remaining time; the other half is left for later requests."""
        deadline, now = self.deadline, self.clock.monotonic()
        self.deadline = now + (deadline - now) / 2
        try:
            yield
        finally:
            self.deadline = deadline

    def finish_late(self) -> None:
        """Let the rest of this poll, which sends no requests, outlast the deadline.

        For collectors of several parts: what was read is published, though a part that failed used up the time.
        """
        self.deadline = math.inf

    async def pause(self) -> None:
        """Let other tasks run if this poll has kept the event loop for a while. Call it in every long loop.

        Raises DeadlineExceeded if the poll's deadline has passed.
        """
        now = self.clock.monotonic()
        if now >= self.deadline:
            raise DeadlineExceeded("the poll's time is over")
        if now >= self._slice_end:
            for _ in range(ITERATIONS):
                await asyncio.sleep(0)
            self._slice_end = self.clock.monotonic() + SLICE_SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What a poll returns besides families: for the status pages, other collectors and the labels of `allocations`.

    `failures` names each part of the data that could not be read, such as one budget of many, and why. `folded` counts
    the endpoints in `other`, and `spend` is USD per day, oldest first.

    `figures` are amounts in USD to show to people, by what they are, until `figures_until`: today's spend ends at
    midnight. `budgets`, `tops`, `queries` and `retirements` are for people, too.

    `used_models` are an account's models of the last 30 days, `listed_models` those of them that the catalogue lists,
    each with its name there. Both begin with the most used.

    `subjects` are the parts of the account that `allocations` can label.
    """

    day: date | None = None
    failures: tuple[tuple[str, str], ...] = ()
    folded: int = 0
    spend: tuple[tuple[date, float], ...] = ()
    figures: tuple[tuple[str, float], ...] = ()
    figures_until: datetime | None = None
    budgets: tuple[BudgetStatus, ...] = ()
    tops: tuple[Top, ...] = ()
    queries: tuple[QueryStatus, ...] = ()
    retirements: tuple[Retirement, ...] = ()
    used_models: tuple[ModelUse, ...] = ()
    listed_models: tuple[tuple[str, str], ...] = ()
    subjects: tuple[Subject, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """The result of one poll. If `snapshot` is None, the published one is still current, and so is its summary.

    `memory` is passed to the next poll once this poll's snapshot is published. Without a snapshot, None keeps the
    previous memory.

    `successors` replace the snapshot at those instants, in order, unless another poll comes first: at midnight the day
    that was today is no longer today.

    `restated` counts rows of already read days that changed. `error` fails the poll although there is something to
    publish: every part failed, and last values remain.
    """

    snapshot: Snapshot | None
    memory: object
    summary: Summary = Summary()
    successors: tuple[tuple[datetime, Snapshot], ...] = ()
    restated: int = 0
    error: PollError | None = None


class Collector(ABC, Generic[SettingsType]):
    """One resource of the API for one account. It declares everything about itself; `registry.py` has the list.

    It keeps no state: a poll that fails, however late, leaves nothing behind.

    `name` is the label's value and the key of its section in the configuration, which is of `settings_type`. `title`,
    `resource` and `text` head its families in the reference; `requests` describes the requests of one poll there.
    """

    name: str
    settings_type: type[Any]
    title: str
    resource: str
    text: str
    requests: str = "1"
    operations: tuple[str, ...]
    rejection_reasons: tuple[str, ...] = ()

    def __init__(self, account: str, settings: SettingsType) -> None:
        self.account = account
        self.settings = settings

    @classmethod
    def of(cls, account: Account) -> Self:
        """Return the collector of an account."""
        return cls(account.name, account.collectors.of(cls.settings_type))

    @property
    def identity(self) -> object:
        """Return what determines the published data. A collector can inherit the data of one with an equal identity."""
        return self.settings.timeless()

    @abstractmethod
    def declarations(self) -> tuple[MetricFamily, ...]:
        """Return every family that this collector may publish."""

    @classmethod
    def documented(cls) -> tuple[MetricFamily, ...]:
        """Return the families that the reference lists: those of the default settings."""
        return cls("", cls.settings_type()).declarations()

    @abstractmethod
    async def collect(self, poll: Poll, memory: object) -> Collected:
        """Read the resource once. `memory` is that of the last poll that was published, None at first.

        Raises PollError.
        """
