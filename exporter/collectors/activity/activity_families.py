"""The families of the activity collector."""

from __future__ import annotations

from exporter.collectors.activity.activity_settings import ActivitySettings
from exporter.collectors.activity.usage_table import KEY_LABELS, SPLIT_LABELS, KeyLabel
from exporter.collectors.activity.windows import Window
from exporter.collectors.common import gauge
from exporter.collectors.measures import MEASURES, measure_help
from exporter.exposition.families import MetricFamily

DAY_TIMESTAMP = gauge(
    "openrouter_activity_day_timestamp_seconds",
    "Start of the latest completed UTC day that the activity gauges describe, as Unix time in seconds.",
    ("account",),
)


def key_labels(settings: ActivitySettings) -> tuple[KeyLabel, ...]:
    """Return the labels that tell series of one family apart, that of the split last."""
    return tuple(
        label
        for label in KEY_LABELS
        if label not in settings.drop_labels and SPLIT_LABELS.get(label, settings.split_by) == settings.split_by
    )


def measures(window: Window, labels: tuple[KeyLabel, ...]) -> tuple[MetricFamily, ...]:
    """Return a window's families, one for each measure."""
    prefix = f"openrouter_activity_{window.name}_" if window.name else "openrouter_activity_"
    over = when(window)
    return tuple(gauge(prefix + measure, measure_help(measure, over), ("account", *labels)) for measure in MEASURES)


def when(window: Window) -> str:
    """Return the words of HELP texts for a window."""
    if window.length == 1:
        return "on the latest completed UTC day"
    if window.length is None:
        return "from the first of the month to the latest completed UTC day"
    return f"over the {window.length} UTC days that end with the latest completed one"


def endpoint_info(labels: tuple[KeyLabel, ...]) -> MetricFamily:
    """Return the family of the endpoints' names."""
    wanted = ("endpoint_id", "model", "model_permaslug", "provider")
    kept = tuple(name for name in wanted if name in labels or (name == "model_permaslug" and "model" in labels))
    help_ = "Names of an endpoint used within the API's 30 days. The value is 1."
    return gauge("openrouter_activity_endpoint_info", help_, ("account", *kept))


def names_of_parts(settings: ActivitySettings) -> tuple[MetricFamily, ...]:
    """Return the family of the names of workspaces or members, if usage is split by them.

    The collector `keys` publishes those of keys.
    """
    if settings.split_by == "workspace":
        help_ = "Name of a workspace. The value is 1."
        return (gauge("openrouter_workspace_info", help_, ("account", "workspace_id", "name")),)
    if settings.split_by == "member" and settings.member_labels:
        help_ = "The configured labels of a member of the organization. The value is 1."
        return (gauge("openrouter_member_info", help_, ("account", "user_id", *settings.member_labels)),)
    return ()
