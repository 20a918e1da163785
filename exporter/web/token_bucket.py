"""A token bucket: a burst of requests, then one per interval."""

from __future__ import annotations

from dataclasses import dataclass

from exporter.clock import Clock


@dataclass(frozen=True, slots=True)
class BucketLimit:
    """One request per `interval` seconds, and up to `burst` at once."""

    interval: float
    burst: int


class TokenBucket:
    """Counts requests against a limit."""

    def __init__(self, limit: BucketLimit, clock: Clock) -> None:
        self.limit = limit
        self._clock = clock
        self._tokens = float(limit.burst)
        self._filled = clock.monotonic()

    def allows(self) -> bool:
        """Return whether another request is within the limit; if so, count it."""
        now = self._clock.monotonic()
        self._tokens = min(self.limit.burst, self._tokens + (now - self._filled) / self.limit.interval)
        self._filled = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
