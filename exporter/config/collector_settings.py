"""Settings that every collector has, and the section of all collectors, which is made from their list."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Self, TypeVar

from exporter.config.allocation_settings import Dimension
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

    @property
    def least_requests(self) -> int:
        """The fewest requests that a successful poll makes."""
        return 1

    @property
    def named_parts(self) -> Collection[Dimension]:
        """The kinds of parts of an account whose names a poll reads, so that rules of `allocations` can match them."""
        return ()

    def warnings(self) -> tuple[str, ...]:
        """Return what is allowed but unwise."""
        return ()

    def timeless(self) -> Self:
        """Return these settings without those that only decide when to poll: equal ones publish the same data."""
        return replace(self, enabled=True, interval=0.0, stale_after=0.0)

    def conflicts(self) -> tuple[Conflict, ...]:
        """Return a conflict if values would expire between two polls."""
        if self.stale_after >= self.interval:
            return ()
        stale, interval = format_duration(self.stale_after), format_duration(self.interval)
        message = f"stale_after ({stale}) is shorter than interval ({interval}): values would disappear between polls"
        return (Conflict(("stale_after", "interval"), message),)


_Collector = TypeVar("_Collector", bound=CollectorSettings)


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectorsSettings(Settings):
    """What is collected, collector by collector."""

    def by_name(self) -> dict[str, CollectorSettings]:
        """Return each collector's settings by the collector's name."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}

    def of(self, settings_type: type[_Collector]) -> _Collector:
        """Return the settings of the collector that has this type of settings."""
        return next(settings for settings in self.by_name().values() if isinstance(settings, settings_type))


def collectors_section(types: Mapping[str, type[CollectorSettings]]) -> type[CollectorsSettings]:
    """Return the type of the section `collectors`, with one section for each collector by name."""
    fields: list[tuple[str, type, Any]] = [
        (name, settings_type, dataclasses.field(default_factory=settings_type)) for name, settings_type in types.items()
    ]
    bases, documented = (CollectorsSettings,), {"__doc__": CollectorsSettings.__doc__}
    return dataclasses.make_dataclass(
        CollectorsSettings.__name__, fields, bases=bases, namespace=documented, frozen=True, slots=True, kw_only=True
    )
