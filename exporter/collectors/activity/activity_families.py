"""What the activity collector publishes, as declarations."""

from __future__ import annotations

from exporter.collectors.activity.activity_settings import ActivitySettings
from exporter.collectors.activity.usage_table import KEY_LABELS, MEASURES, KeyLabel
from exporter.collectors.activity.windows import Window
from exporter.exposition.families import MetricFamily

_MEANINGS = {
    "usage_usd": "OpenRouter credits spent, in US dollars",
    "byok_usage_usd": "External spend on own provider keys, in US dollars, in addition to usage",
    "requests": "Number of requests",
    "prompt_tokens": "Number of prompt tokens, cache hits included",
    "completion_tokens": "Number of completion tokens",
    "reasoning_tokens": "Number of reasoning tokens; can exceed completion tokens",
    "cached_tokens": "Number of prompt tokens read from cache; can exceed prompt tokens",
}
_POLLED = "Refreshed by polling, not by the scrape."
_SPLIT_LABELS: dict[KeyLabel, str] = {"workspace_id": "workspace", "key": "api_key", "user_id": "member"}

DAY_TIMESTAMP = MetricFamily(
    "openrouter_activity_day_timestamp_seconds",
    f"Start of the latest completed UTC day that the activity gauges describe, as Unix time in seconds. {_POLLED}",
    ("account",),
)


def key_labels(settings: ActivitySettings) -> tuple[KeyLabel, ...]:
    """Return the labels that tell series of one family apart, that of the split last."""
    return tuple(
        label
        for label in KEY_LABELS
        if label not in settings.drop_labels and _SPLIT_LABELS.get(label, settings.split_by) == settings.split_by
    )


def measures(each: Window, labels: tuple[KeyLabel, ...]) -> tuple[MetricFamily, ...]:
    """Return a window's families, one for each measure."""
    prefix = f"openrouter_activity_{each.name}_" if each.name else "openrouter_activity_"
    return tuple(
        MetricFamily(prefix + measure, f"{_MEANINGS[measure]}, {_span(each)}. {_POLLED}", ("account", *labels))
        for measure in MEASURES
    )


def _span(each: Window) -> str:
    if each.length == 1:
        return "on the latest completed UTC day"
    if each.length is None:
        return "from the first of the month to the latest completed UTC day"
    return f"over the {each.length} UTC days that end with the latest completed one"


def endpoint_info(labels: tuple[KeyLabel, ...]) -> MetricFamily:
    """Return the family of endpoints' names."""
    wanted = ("endpoint_id", "model", "model_permaslug", "provider")
    kept = tuple(name for name in wanted if name in labels or (name == "model_permaslug" and "model" in labels))
    return MetricFamily(
        "openrouter_activity_endpoint_info",
        f"Names of an endpoint with use in the API's 30 days; the value is 1. {_POLLED}",
        ("account", *kept),
    )


def member_info(settings: ActivitySettings) -> tuple[MetricFamily, ...]:
    """Return the family of members' names, none where nobody asked for them."""
    if settings.split_by != "member" or not settings.member_labels:
        return ()
    help_ = f"What is asked for about a member of the organization; the value is 1. {_POLLED}"
    return (MetricFamily("openrouter_member_info", help_, ("account", "user_id", *settings.member_labels)),)
