"""What is configured about every collector alike."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Self

from exporter.config.fields import Conflict, Settings
from exporter.config.units import format_duration
from exporter.config.value_types import duration

Enabled = Annotated[bool, "Whether this collector polls at all."]
Interval = Annotated[float, duration(minimum=1), "From one poll to the next."]
StaleAfter = Annotated[
    float,
    duration(minimum=1, never=True),
    "How long the last good values are served while polls fail; then the series vanish.",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectorSettings(Settings):
    """A collector's settings. `stale_after` is infinite for "never"; each collector has defaults of its own."""

    enabled: Enabled
    interval: Interval
    stale_after: StaleAfter

    def timeless(self) -> Self:
        """Return what decides which data are published: these settings, less those that only say when."""
        return replace(self, enabled=True, interval=0.0, stale_after=0.0)

    def conflicts(self) -> tuple[Conflict, ...]:
        """Return an age limit that is shorter than the time between two polls."""
        if self.stale_after >= self.interval:
            return ()
        stale, interval = format_duration(self.stale_after), format_duration(self.interval)
        message = f"stale_after ({stale}) is shorter than interval ({interval}): values would vanish between two polls"
        return (Conflict(("stale_after", "interval"), message),)
