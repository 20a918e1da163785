"""A limit of our own on how often one account asks, so that the API need not set one."""

from __future__ import annotations

from collections import deque

from exporter.errors import DeadlineExceeded

MINUTE = 60.0


class RateLimit:
    """At most `most` requests within any minute. Who asks is given a turn, in order; nobody waits past a deadline.

    Pure: it knows no clock and sleeps for nobody.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._turns: deque[float] = deque(maxlen=most)

    def take(self, now: float, deadline: float) -> float:
        """Return when the next request may go, `now` or later. Raise DeadlineExceeded, and take no turn, if too late.

        All times are monotonic seconds.
        """
        turn = now
        if len(self._turns) == self._most:
            turn = max(now, self._turns[0] + MINUTE)
        if turn > now and turn >= deadline:
            raise DeadlineExceeded(
                f"no turn within the poll's time: the limit is {self._most} requests a minute "
                "(upstream.requests_per_minute)"
            )
        self._turns.append(turn)
        return turn

    def inherit(self, other: RateLimit, now: float) -> None:
        """Count the requests that another limit let pass before this one was in force.

        Turns yet to come are nobody's any more. They count as if they were now: what they stand for, the requests that
        made them wait, was no later.
        """
        self._turns = deque((min(turn, now) for turn in other._turns), maxlen=self._most)
