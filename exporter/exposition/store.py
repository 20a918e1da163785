"""The store: one rendered snapshot per account and collector, replaced as a whole, hidden once it expires."""

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
    """Rendered snapshots with their expiry, in monotonic seconds; infinite for never."""

    def __init__(self) -> None:
        self._published: dict[tuple[str, str], _Published] = {}
        self._changes = 0
        self._next_expiry = math.inf

    def publish(self, account: str, collector: str, rendered: Rendered, series: int, expires: float) -> None:
        """Replace a collector's snapshot."""
        self._published[account, collector] = _Published(rendered, series, expires)
        self._changes += 1
        self._next_expiry = min(self._next_expiry, expires)

    def renew(self, account: str, collector: str, now: float, expires: float) -> None:
        """Change when the last snapshot expires; one that had expired is shown again."""
        last = self._published[account, collector]
        self._published[account, collector] = replace(last, expires=expires)
        # Another snapshot may have expired since the last scrape: that is a change too.
        self._changes += now >= min(last.expires, expires, self._next_expiry)
        self._next_expiry = self._earliest_expiry(now)

    def drop(self, account: str, but: Container[str] = ()) -> None:
        """Remove an account's snapshots except those of the collectors in `but`."""
        self._published = {
            (name, collector): value
            for (name, collector), value in self._published.items()
            if name != account or collector in but
        }
        self._changes += 1

    def version(self, now: float) -> int:
        """Return a number that changes whenever the snapshots shown may have changed."""
        if now >= self._next_expiry:
            self._next_expiry = self._earliest_expiry(now)
            self._changes += 1
        return self._changes

    def parts(self, now: float) -> Iterator[Rendered]:
        """Return the snapshots that have not expired."""
        return (each.rendered for each in self._published.values() if now < each.expires)

    def expires(self, account: str, collector: str) -> float | None:
        """Return when the snapshot expires; None without a snapshot."""
        published = self._published.get((account, collector))
        return None if published is None else published.expires

    def series(self, account: str, collector: str, now: float) -> int:
        """Return the number of series shown: 0 without a snapshot or once it expired."""
        published = self._published.get((account, collector))
        return published.series if published is not None and now < published.expires else 0

    def _earliest_expiry(self, now: float) -> float:
        return min((each.expires for each in self._published.values() if each.expires > now), default=math.inf)
