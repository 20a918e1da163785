"""Thresholds as metrics: one gauge each with the unit in its name, and none for those that are switched off."""

from __future__ import annotations

import math
from dataclasses import fields

from exporter.config.thresholds import Thresholds
from exporter.exposition.metrics_registry import MetricsRegistry
from exporter.polling.configured_metrics import publish_thresholds, threshold_name


def shown(thresholds: Thresholds) -> dict[str, float]:
    """Return the thresholds of an account as they are published."""
    metrics_registry = MetricsRegistry()
    publish_thresholds(metrics_registry, "team", thresholds)
    return {
        sample.name: sample.value
        for family in metrics_registry.collect()
        for sample in family.samples
        if sample.labels == {"account": "team"}
    }


def test_each_threshold_is_a_gauge_in_base_units() -> None:
    families = shown(Thresholds(credits_floor_usd=500.0, data_age=3600.0, model_share_increase=0.25))
    assert {
        "openrouter_threshold_credits_floor_usd": 500.0,
        "openrouter_threshold_data_age_seconds": 3600.0,
        "openrouter_threshold_model_share_increase_ratio": 0.25,
    }.items() <= families.items()
    assert {threshold_name(field.name) for field in fields(Thresholds)} == set(families)


def test_disabled_threshold_has_no_series() -> None:
    """A threshold of 0 would always be exceeded."""
    everything = shown(Thresholds(credits_floor_usd=1.0))
    off = shown(Thresholds(credits_floor_usd=None, spend_ratio=None, credits_left=None))
    assert {
        "openrouter_threshold_credits_floor_usd",
        "openrouter_threshold_spend_ratio",
        "openrouter_threshold_credits_left_seconds",
    } == set(everything) - set(off)


def test_every_threshold_has_its_unit_in_its_name() -> None:
    """Prometheus recommends it. A number of requests has none."""
    units = ("_usd", "_ratio", "_seconds")
    names = [threshold_name(field.name) for field in fields(Thresholds)]
    assert ["openrouter_threshold_requests_floor"] == [name for name in names if not name.endswith(units)]


def test_default_thresholds_are_finite() -> None:
    """An infinite threshold would never be exceeded."""
    assert all(math.isfinite(value) for value in shown(Thresholds()).values())
