"""Saying a thing once a minute per source, however often it happens."""

from __future__ import annotations

from collections import OrderedDict

from exporter.clock import Clock

SECONDS = 60.0
MOST_SOURCES = 128


class Throttle:
    """Remembers what was said about which source, and of how many at the most."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._said: OrderedDict[str, float] = OrderedDict()

    def allows(self, source: str) -> bool:
        """Return whether it is time to say it of this source; if so, it counts as said."""
        now = self._clock.monotonic()
        if now - self._said.get(source, -SECONDS) < SECONDS:
            return False
        self._said[source] = now
        self._said.move_to_end(source)
        if len(self._said) > MOST_SOURCES:
            self._said.popitem(last=False)
        return True


def source_of(peer: object) -> str:
    """Return an address as it is logged: IPv4 as such, also where it came over a socket for both families."""
    host = peer[0] if isinstance(peer, tuple) else peer
    return str(host or "unix").removeprefix("::ffff:")
