"""A thin adapter on APScheduler 3: when each poller polls, and nothing else.

Every job has its own phase within the interval, from a hash of its name, so that accounts do not poll all at once and a
restart changes no schedule. The first polls are spread over a ramp, of many accounts over the whole interval.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from apscheduler.events import EVENT_JOB_MAX_INSTANCES, EVENT_JOB_MISSED, JobEvent
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger

from exporter.clock import Clock

# Seconds between two first polls; less if that many polls would not fit into the interval.
RAMP_STEP = 0.05

# A wall clock that deviates by more than this from the steady one has jumped.
JUMP_SECONDS = 5.0
WATCH_INTERVAL = 20.0


def phase(name: str, interval: float) -> float:
    """Return a job's seconds after each multiple of the interval: stable, and evenly distributed over many names."""
    digest = hashlib.blake2b(name.encode(), digest_size=8).digest()
    return int.from_bytes(digest) / 2**64 * interval


def next_time(now: datetime, interval: float, offset: float) -> datetime:
    """Return the first moment after `now` that is `offset` seconds past a multiple of the interval since 1970."""
    number = (now.timestamp() - offset) // interval + 1
    moment = datetime.fromtimestamp(number * interval + offset, UTC)
    # Rounded to a microsecond it can equal `now`, and APScheduler would loop for ever looking for a later time.
    return moment if moment > now else datetime.fromtimestamp((number + 1) * interval + offset, UTC)


def first_delay(order: int, count: int, interval: float) -> float:
    """Return the seconds from the start to a poller's first poll: the poller at position `order` of `count`.

    No first poll is later than its interval, and however many pollers there are, none of them poll all at once.
    """
    return order * min(RAMP_STEP, interval / count)


class PhasedTrigger(BaseTrigger):  # type: ignore[misc]  # APScheduler has no types
    """Fires at `first`, then at each multiple of the interval plus the job's phase."""

    def __init__(self, interval: float, offset: float, first: datetime) -> None:
        self.interval = interval
        self.offset = offset
        self.first = first

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        """Return the next time; after `first` it is at least half an interval later."""
        if previous_fire_time is None:
            return self.first
        earliest = max(now, previous_fire_time)
        if previous_fire_time == self.first:
            earliest += timedelta(seconds=self.interval / 2)
        return next_time(earliest, self.interval, self.offset)


class Scheduler:
    """Calls coroutine functions at their times; never a second time while a call is in progress.

    Processes with jobs of the same name run them at different times if their `phase_seed` differs.
    """

    def __init__(self, clock: Clock, phase_seed: str = "") -> None:
        self._clock = clock
        self._phase_seed = phase_seed
        self._scheduler = AsyncIOScheduler(
            timezone=UTC, job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
        )
        self._skipped: dict[str, Callable[[], None]] = {}
        self._scheduler.add_listener(self._on_skip, EVENT_JOB_MAX_INSTANCES | EVENT_JOB_MISSED)
        self._watch: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start. Needs a running event loop."""
        self._scheduler.start()
        self._watch = asyncio.create_task(self._watch_clock())

    def add(
        self,
        name: str,
        call: Callable[[], Awaitable[object]],
        interval: float,
        delay: float,
        on_skip: Callable[[], None],
    ) -> None:
        """Call `call` after `delay` seconds, and then once per interval until it is removed.

        `on_skip` is called instead when the previous call is still in progress.
        """
        offset = phase(f"{name}{self._phase_seed}", interval)
        trigger = PhasedTrigger(interval, offset, self._clock.now() + timedelta(seconds=delay))
        self._skipped[name] = on_skip
        self._scheduler.add_job(call, trigger, id=name)

    def remove(self, *names: str) -> None:
        """Call these no more; a call in progress continues."""
        for name in names:
            self._skipped.pop(name, None)
            with contextlib.suppress(JobLookupError):
                self._scheduler.remove_job(name)

    def run_now(self, name: str) -> None:
        """Run a job now; its next run is at least half an interval later."""
        job = self._scheduler.get_job(name)
        if job is not None:
            job.trigger.first = self._clock.now()
            job.modify(next_run_time=job.trigger.first)

    def run_within(self, name: str, seconds: float) -> None:
        """Run a job at the latest after so many seconds; its next run is at least half an interval later."""
        job, latest = self._scheduler.get_job(name), self._clock.now() + timedelta(seconds=seconds)
        # Before the scheduler starts, a job has no next run: its first one comes at once.
        if job is not None and (getattr(job, "next_run_time", None) or latest) > latest:
            job.trigger.first = latest
            job.modify(next_run_time=latest)

    def next_run(self, name: str, not_before: datetime | None = None) -> datetime | None:
        """Return when a job runs next, None if it never will; runs before `not_before` do not count."""
        job = self._scheduler.get_job(name)
        planned: datetime | None = None if job is None else job.next_run_time
        if planned is None or not_before is None or planned >= not_before:
            return planned
        return next_time(not_before, job.trigger.interval, job.trigger.offset)

    def pause(self) -> None:
        """Start no more calls."""
        self._scheduler.pause()

    def stop(self) -> None:
        """Stop, and cancel calls in progress; wait for them first to get their results."""
        if self._watch is not None:
            self._watch.cancel()
        self._scheduler.shutdown(wait=False)

    def _on_skip(self, event: JobEvent) -> None:
        on_skip = self._skipped.get(event.job_id)
        if on_skip is not None:
            on_skip()

    def _wall_minus_monotonic(self) -> float:
        return self._clock.now().timestamp() - self._clock.monotonic()

    async def _watch_clock(self) -> None:
        """Reschedule every job after a jump of the wall clock: the next run could be a year away.

        This is not a job itself, because APScheduler uses the wall clock.
        """
        last = self._wall_minus_monotonic()
        while True:
            await self._clock.sleep(WATCH_INTERVAL)
            offset = self._wall_minus_monotonic()
            if abs(offset - last) > JUMP_SECONDS:
                self._reschedule()
            last = offset
            self._scheduler.wakeup()  # its timer stops while the machine is suspended

    def _reschedule(self) -> None:
        now = self._clock.now()
        for job in self._scheduler.get_jobs():
            job.modify(next_run_time=next_time(now, job.trigger.interval, job.trigger.offset))
