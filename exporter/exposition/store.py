"""What is published now: one rendered snapshot per account and collector, swapped whole, hidden when it is too old."""

from __future__ import annotations

import math
from collections.abc import Container, Iterator
from dataclasses import dataclass, replace

from exporter.exposition.text_format import Rendered


@dataclass(frozen=True, slots=True, eq=False)
class _Published:
    rendered: Rendered
    series: int
    expires: float


class Store:
    """Rendered snapshots and when they expire (monotonic seconds, infinite for never)."""

    def __init__(self) -> None:
        self._published: dict[tuple[str, str], _Published] = {}
        self._changes = 0
        self._next_expiry = math.inf

    def publish(self, account: str, collector: str, rendered: Rendered, series: int, expires: float) -> None:
        """Show a snapshot in place of the last one."""
        self._published[account, collector] = _Published(rendered, series, expires)
        self._changes += 1
        self._next_expiry = min(self._next_expiry, expires)

    def renew(self, account: str, collector: str, now: float, expires: float) -> None:
        """Show what was published last until another time: for longer, again if it had expired, or for less long."""
        last = self._published[account, collector]
        self._published[account, collector] = replace(last, expires=expires)
        # Another snapshot may have expired since anyone looked: that is a change too.
        self._changes += now >= min(last.expires, expires, self._next_expiry)
        self._next_expiry = self._earliest_expiry(now)

    def drop(self, account: str, but: Container[str] = ()) -> None:
        """Forget what an account published, but for these collectors."""
        self._published = {
            (name, collector): value
            for (name, collector), value in self._published.items()
            if name != account or collector in but
        }
        self._changes += 1

    def version(self, now: float) -> int:
        """Return a number that differs whenever what is shown may differ."""
        if now >= self._next_expiry:
            self._next_expiry = self._earliest_expiry(now)
            self._changes += 1
        return self._changes

    def parts(self, now: float) -> Iterator[Rendered]:
        """Yield all that has not expired."""
        return (each.rendered for each in self._published.values() if now < each.expires)

    def expires(self, account: str, collector: str) -> float | None:
        """Return when what is published expires, None if there is nothing."""
        published = self._published.get((account, collector))
        return None if published is None else published.expires

    def series(self, account: str, collector: str, now: float) -> int:
        """Return the number of series shown."""
        published = self._published.get((account, collector))
        return published.series if published is not None and now < published.expires else 0

    def _earliest_expiry(self, now: float) -> float:
        return min((each.expires for each in self._published.values() if each.expires > now), default=math.inf)
