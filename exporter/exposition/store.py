"""The store: one snapshot per account and collector, with its successors; hidden once it expires."""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, replace

from exporter.exposition.text_format import Rendered


@dataclass(frozen=True, slots=True, eq=False)
class Phase:
    """A rendered snapshot, shown from `begins` (monotonic seconds) until its successor or its expiry."""

    rendered: Rendered
    begins: float = -math.inf

    @property
    def series(self) -> int:
        """The number of series."""
        return sum(family.series for family in self.rendered.values())


@dataclass(frozen=True, slots=True, eq=False)
class _Published:
    phases: tuple[Phase, ...]
    expires: float
    beside: tuple[Phase, ...] = ()

    def shown(self, now: float) -> Phase | None:
        """Return the latest phase that has begun; None once all have expired."""
        if now >= self.expires:
            return None
        return next(phase for phase in reversed(self.phases) if phase.begins <= now)

    def next_change(self, now: float) -> float:
        """Return when something else is shown, infinite for never."""
        return min(
            (at for at in (self.expires, *(phase.begins for phase in self.phases)) if at > now), default=math.inf
        )


class Store:
    """Rendered snapshots with their expiry, in monotonic seconds; infinite for never."""

    def __init__(self) -> None:
        self._published: dict[str, dict[str, _Published]] = {}  # by account and collector
        self._changes = 0
        self._searched = -math.inf  # when the snapshots were last searched for one that changed by itself
        self._next_change = math.inf  # none of them changes by itself before this time

    def publish(
        self,
        account: str,
        collector: str,
        rendered: Rendered,
        *,
        expires: float,
        successors: tuple[Phase, ...] = (),
        beside: tuple[Phase, ...] = (),
    ) -> None:
        """Replace a collector's snapshot; each successor replaces it in turn when it begins.

        `beside` is shown together with any of them.
        """
        published = _Published((Phase(rendered), *successors), expires, beside)
        self._published.setdefault(account, {})[collector] = published
        self._changes += 1
        self._next_change = min(self._next_change, published.next_change(-math.inf))

    def renew(self, account: str, collector: str, now: float, expires: float) -> None:
        """Change when the last snapshot expires; one that had expired is shown again."""
        last = self._published[account][collector]
        self._published[account][collector] = renewed = replace(last, expires=expires)
        self._changes += now >= min(last.expires, expires)
        self._next_change = min(self._next_change, renewed.next_change(now))

    def replace_beside(self, account: str, collector: str, beside: tuple[Phase, ...]) -> None:
        """Replace what is shown together with a collector's snapshot."""
        self._published[account][collector] = replace(self._published[account][collector], beside=beside)
        self._changes += 1

    def drop(self, account: str, but: Container[str] = ()) -> None:
        """Remove an account's snapshots except those of the collectors in `but`."""
        collectors = self._published.pop(account, {})
        kept = {collector: published for collector, published in collectors.items() if collector in but}
        if kept:
            self._published[account] = kept
        self._changes += 1

    def version(self, now: float) -> int:
        """Return a number that differs whenever what is shown may differ."""
        if now >= self._next_change:
            snapshots = [published for collectors in self._published.values() for published in collectors.values()]
            # The snapshot that was to change may have been renewed or dropped meanwhile.
            self._changes += any(published.next_change(self._searched) <= now for published in snapshots)
            self._searched = now
            self._next_change = min((published.next_change(now) for published in snapshots), default=math.inf)
        return self._changes

    def shown(self, now: float, accounts: Iterable[str] | None = None) -> Iterator[Phase]:
        """Yield the phases that are shown at this moment, of these accounts or of all."""
        for account in self._published if accounts is None else accounts:
            for published in self._published.get(account, {}).values():
                phase = published.shown(now)
                if phase is not None:
                    yield phase
                    yield from published.beside

    def parts(self, now: float, accounts: Iterable[str] | None = None) -> Iterator[Rendered]:
        """Yield the rendered snapshots that are shown at this moment."""
        return (phase.rendered for phase in self.shown(now, accounts))

    def expires(self, account: str, collector: str) -> float | None:
        """Return when the snapshot expires; None without a snapshot."""
        published = self._published.get(account, {}).get(collector)
        return None if published is None else published.expires

    def series(self, account: str, collector: str, now: float) -> int:
        """Return the number of series shown: 0 without a snapshot or once it expired."""
        published = self._published.get(account, {}).get(collector)
        phase = None if published is None else published.shown(now)
        return 0 if phase is None else phase.series
