"""Log throttling: one line a minute per source, however often something happens."""

from __future__ import annotations

from collections import OrderedDict

from exporter.clock import Clock

SECONDS = 60.0
MOST_SOURCES = 128


class Throttle:
    """Remembers when each source was last logged, for a limited number of sources."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._logged: OrderedDict[str, float] = OrderedDict()

    def allows(self, source: str) -> bool:
        """Return whether to log something about this source now; if so, count it as logged."""
        now = self._clock.monotonic()
        if now - self._logged.get(source, -SECONDS) < SECONDS:
            return False
        self._logged[source] = now
        self._logged.move_to_end(source)
        if len(self._logged) > MOST_SOURCES:
            self._logged.popitem(last=False)
        return True


def source_of(peer: object) -> str:
    """Return a peer's address for the log, IPv4 without the prefix of a dual-stack socket."""
    host = peer[0] if isinstance(peer, tuple) else peer
    return str(host or "unix").removeprefix("::ffff:")
