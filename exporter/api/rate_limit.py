"""The client-side limit on one account's requests, which keeps it below the API's own."""

from __future__ import annotations

from collections import deque

from exporter.errors import DeadlineExceeded

MINUTE = 60.0


class RateLimit:
    """Gives out at most `most` slots per minute, in order. All times are monotonic seconds."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._slots: deque[float] = deque(maxlen=most)

    def take(self, now: float, deadline: float) -> float:
        """Take a slot and return its time, `now` or later. Raise DeadlineExceeded if it is not before the deadline."""
        slot = now
        if len(self._slots) == self._most:
            slot = max(now, self._slots[0] + MINUTE)
        if slot > now and slot >= deadline:
            raise DeadlineExceeded(
                f"no rate limit slot before the poll deadline: the limit is {self._most} requests/min "
                "(upstream.requests_per_minute)"
            )
        self._slots.append(slot)
        return slot

    def inherit(self, other: RateLimit, now: float) -> None:
        """Count the slots that another limit gave out before this one replaced it.

        Slots in the future count as of now: their requests are abandoned, but the minute before them was full.
        """
        self._slots = deque((min(slot, now) for slot in other._slots), maxlen=self._most)
