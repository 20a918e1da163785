"""What collectors share: families from rows, spending by period, limits, and the snapshots after a period ends."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime

from exporter.collectors.constants import UNKNOWN, USD_DECIMALS
from exporter.collectors.days import midnight
from exporter.collectors.periods import end_of, period_starts_after
from exporter.config.budget_settings import Period
from exporter.exposition.families import Family, LabelSets, MetricFamily, Snapshot

# In the order of USAGE_FIELDS and BYOK_FIELDS.
_PERIODS: tuple[tuple[str, str, Period | None], ...] = (
    ("", "since the key was created", None),
    ("_today", "on the current UTC day", "day"),
    ("_week", "in the current UTC week, which begins on Monday", "week"),
    ("_month", "in the current UTC month", "month"),
)


def gauge(name: str, help_: str, labels: tuple[str, ...]) -> MetricFamily:
    """Return a family whose HELP text says that a scrape does not refresh it."""
    return MetricFamily(name, f"{help_} Refreshed by polling, not by the scrape.", labels)


def spending(prefix: str, labels: tuple[str, ...]) -> tuple[MetricFamily, ...]:
    """Return the families of what a key spent: credits by period, then own provider keys by period."""
    kinds = (
        ("usage", "OpenRouter credits spent {when}, in US dollars."),
        ("byok_usage", "Spend on own provider keys {when}, in US dollars. Not included in usage."),
    )
    return tuple(
        gauge(f"{prefix}_{kind}{period}_usd", help_.format(when=when), labels)
        for kind, help_ in kinds
        for period, when, _ in _PERIODS
    )


def periods_of(families: Sequence[MetricFamily]) -> dict[MetricFamily, Period]:
    """Return the period that each family of `spending` covers; those since the key was created are left out."""
    periods = [period for _, _, period in _PERIODS] * 2
    return {metric: period for metric, period in zip(families, periods, strict=True) if period is not None}


def successors(
    families: Sequence[Family], periods: Mapping[MetricFamily, Period], today: date
) -> tuple[tuple[datetime, Snapshot], ...]:
    """Return the snapshots to publish when periods end. Each lacks the families of the periods that have ended.

    Otherwise, the spend of a period that has ended would be shown as that of the new one until the next poll.
    """
    ends = {metric: end_of(period, today) for metric, period in periods.items()}
    return tuple(
        (midnight(start), Snapshot(tuple(family for family in families if start < ends.get(family.metric, date.max))))
        for start in period_starts_after(today)
    )


def limits(prefix: str, labels: tuple[str, ...]) -> tuple[MetricFamily, MetricFamily, MetricFamily]:
    """Return the families of a key's limit, its remaining amount and its used amount."""
    return (
        gauge(
            f"{prefix}_limit_usd",
            "The key's limit per reset interval, or in total if it never resets, in US dollars. Absent if unlimited.",
            labels,
        ),
        gauge(f"{prefix}_limit_remaining_usd", "What remains of the key's limit, in US dollars.", labels),
        gauge(
            f"{prefix}_limit_used_usd",
            "Used since the last reset of the key's limit (limit minus remaining), in US dollars.",
            labels,
        ),
    )


def known(value: float | None) -> float:
    """Return a value, or NaN if it is None."""
    return UNKNOWN if value is None else value


def difference(whole: float | None, part: float | None) -> float:
    """Return whole minus part in USD, unknown if one of them is."""
    return round(known(whole) - known(part), USD_DECIMALS)


def family_of(metric: MetricFamily, samples: Sequence[tuple[str, ...]], values: Iterable[float | None]) -> Family:
    """Return a family with label sets of its own; values that are None are unknown."""
    return Family(metric, LabelSets(metric.labels, samples), array("d", map(known, values)))


def families_of(
    metrics: Sequence[MetricFamily], samples: Sequence[tuple[str, ...]], rows: Sequence[Sequence[float | None]]
) -> list[Family]:
    """Return families that share their label sets. Each row has a sample's values in the order of `metrics`."""
    label_sets = LabelSets(metrics[0].labels, samples)
    return [
        Family(metric, label_sets, array("d", [known(row[index]) for row in rows]))
        for index, metric in enumerate(metrics)
    ]


def single(metric: MetricFamily, account: str, value: float | None) -> Family:
    """Return a family of one sample, of the account as a whole."""
    return family_of(metric, [(account,)], [value])


def info(metric: MetricFamily, samples: Sequence[tuple[str, ...]]) -> Family:
    """Return a family of names: each sample is 1."""
    return family_of(metric, samples, [1.0] * len(samples))
