"""The dashboard Exporter health: polls, the API, rows, the process."""

from __future__ import annotations

from collections.abc import Iterator

from grafana_foundation_sdk.builders.dashboard import Dashboard as Builder
from grafana_foundation_sdk.cog.builder import Builder as AnyBuilder
from grafana_foundation_sdk.models.common import BigValueTextMode
from grafana_foundation_sdk.models.dashboard import Dashboard, Panel

from config.grafana.frame import finished, folded, frame, labels
from config.grafana.panels import (
    GREEN,
    NARROW_LEGEND,
    RED,
    STATUS_COLOURS,
    YELLOW,
    About,
    Query,
    bars,
    colour,
    figure,
    graph,
    states,
    thresholds,
    words,
)
from config.grafana.queries import PROCESS, happened, once

PanelBuilder = AnyBuilder[Panel]
FLEET = f'{PROCESS}, account=~"$account"'
COLLECTOR = "account, collector"
LEGEND = "{{account}} {{collector}}"
TALL = 12  # for a line of the legend for each collector
NO_EXPORTER = "Prometheus has scraped no such exporter in this time range. Is its target up?"
NOTHING_YET = "None in this time range."


def health() -> Dashboard:
    """Return the dashboard."""
    known = "openrouter_exporter_build_info"
    builder = (
        frame(
            "openrouter-health",
            "OpenRouter / Exporter health",
            "Polls, responses of the API, rows, and the exporter's process.",
            since="now-24h",
            refresh="1m",
        )
        .with_variable(labels("job", "Job", known, everything=""))
        .with_variable(labels("instance", "Instance", f'{known}{{job=~"$job"}}', everything=""))
    )
    _now(builder)
    builder.with_row(folded("Polls", *_polls()))
    builder.with_row(folded("The OpenRouter API", *_api()))
    builder.with_row(folded("Rows", *_rows()))
    builder.with_row(folded("Process", *_process()))
    return finished(builder)


def _about(title: str, description: str, unit: str = "none", empty: str = NO_EXPORTER) -> About:
    return About(title=title, description=description, unit=unit, empty=empty)


def _now(builder: Builder) -> None:
    down = f"sum(1 - up{{{PROCESS}}})"
    failing = f"sum(1 - {once('openrouter_up', 'account', FLEET)})"
    ordinary = f"sum(1 - {once('openrouter_calling_key_is_management', 'account', FLEET)})"
    unread = f"sum(1 - openrouter_exporter_config_last_reload_successful{{{PROCESS}}})"
    about = _about(
        "Exporter",
        "Number of problems: targets down, accounts failing, accounts with an ordinary key, bad configurations.",
    )
    problems = " + ".join([down, *(f"({part} or vector(0))" for part in (failing, ordinary, unread))])
    well = figure(about, Query(problems, "Problems"))
    wrong = thresholds((1, RED))
    builder.with_panel(well.unit("suffix: problems").mappings(words(("0", "all well", GREEN))).thresholds(wrong))
    for title, text, expression in (
        ("Targets down", "Exporters that Prometheus cannot reach.", down),
        ("Accounts failing", "Accounts for which the last poll of an enabled collector failed.", failing),
        (
            "Ordinary keys",
            "Accounts without a management key; only such a key can read an account's activity.",
            ordinary,
        ),
        ("Bad configurations", "Configurations that could not be loaded; the previous one stays in force.", unread),
    ):
        panel = figure(_about(title, text), Query(expression, title))
        builder.with_panel(panel.mappings(words(("0", "none", GREEN))).thresholds(wrong))
    loaded = f"max(openrouter_exporter_config_last_reload_success_timestamp_seconds{{{PROCESS}}}) * 1000"
    about = _about("Last loaded", "When a configuration was last loaded successfully.", "dateTimeFromNow")
    builder.with_panel(figure(about, Query(loaded, "Read")))


def _polls() -> Iterator[PanelBuilder]:
    success = f"max by ({COLLECTOR}) (openrouter_collector_last_success_timestamp_seconds{{{FLEET}}} > 0)"
    interval = once("openrouter_collector_interval_seconds", COLLECTOR, FLEET)
    worst = "The worst of the selected accounts."
    yield (
        states(
            _about("Outcome of the last poll", "Whether the last poll of each collector succeeded."),
            Query(once("openrouter_collector_success", COLLECTOR, FLEET), LEGEND),
            meaning=words(("0", "failed", RED), ("1", "succeeded", GREEN)),
            height=TALL,
        )
    )
    about = _about(
        "Staleness",
        "Time since the last successful poll, in poll intervals: up to 1 is normal, above 2 a poll failed. "
        f"Values expire after stale_after. {worst}",
        empty="No poll has succeeded: see the outcome of the last poll, and the exporter's log.",
    )
    yield (
        graph(
            about,
            Query(f"max by (collector) ((time() - {success}) / {interval})", "{{collector}}"),
            height=TALL,
            aside=NARROW_LEGEND,
        ).thresholds(thresholds((2, YELLOW), (4, RED)))
    )
    duration = once("openrouter_collector_duration_seconds", "collector", FLEET)
    text = f"Includes retries and waiting for the exporter's rate limit. {worst}"
    about = _about("Duration of the last poll", text, "s")
    yield graph(about, Query(duration, "{{collector}}"), height=TALL, aside=NARROW_LEGEND)
    series = f"sum by (collector) ({once('openrouter_collector_series', COLLECTOR, FLEET)})"
    text = "Series published by each collector, for all selected accounts, without expired ones."
    about = _about("Series", text, "locale")
    yield graph(about, Query(series, "{{collector}}"), height=TALL, aside=NARROW_LEGEND)
    skipped = happened("openrouter_exporter_polls_skipped_total", f"{COLLECTOR}, reason", FLEET)
    about = _about("Polls skipped", "Polls that were due but did not start, by reason.", "short", NOTHING_YET)
    yield bars(about, Query(skipped, f"{LEGEND}: {{{{reason}}}}"), width=24)


def _api() -> Iterator[PanelBuilder]:
    for title, counter, by, text in (
        ("Responses by status", "responses", "code", "Responses of the API, by status code."),
        ("Failed attempts", "failures", "status_class", "Failed attempts, by status class or kind of error."),
        ("Retries", "retries", "operation", "Attempts after a failed one of the same poll, by operation."),
    ):
        query = happened(f"openrouter_exporter_api_{counter}_total", by, FLEET)
        about = _about(title, text, "short", NOTHING_YET)
        yield colour(bars(about, Query(query, f"{{{{{by}}}}}")), STATUS_COLOURS)
    waited = happened("openrouter_exporter_api_throttled_seconds_total", "account", FLEET)
    about = _about(
        "Waiting for the rate limit", "Seconds that requests waited for the exporter's limit.", "s", NOTHING_YET
    )
    yield bars(about, Query(waited, "{{account}}"))
    bucket = f"openrouter_exporter_api_request_duration_seconds_bucket{{{PROCESS}}}"
    rates = f"sum by (le, operation) (rate({bucket}[$__rate_interval]))"
    latency = Query(f"histogram_quantile(0.95, {rates}) > 0", "{{operation}}")
    text = "The 95th percentile, from request to end of response, over all accounts, by operation."
    about = _about("Latency of an attempt", text, "s", NOTHING_YET)
    yield graph(about, latency, aside=NARROW_LEGEND, width=24, height=TALL).interval("30m")


def _rows() -> Iterator[PanelBuilder]:
    rejected = happened("openrouter_exporter_rows_rejected_total", f"{COLLECTOR}, reason", FLEET)
    about = _about("Rows rejected", "Rows that cannot be used, by reason. The log has examples.", "short", NOTHING_YET)
    yield bars(about, Query(rejected, f"{LEGEND}: {{{{reason}}}}"))
    restated = happened("openrouter_exporter_rows_restated_total", COLLECTOR, FLEET)
    about = _about("Rows restated", "Rows of a day already read whose numbers the API changed.", "short", NOTHING_YET)
    yield bars(about, Query(restated, LEGEND))
    missing = f"{once('openrouter_collector_rows_rejected', COLLECTOR, FLEET)} > 0"
    about = _about(
        "Rows missing in totals", "API rows that totals lack: rejected, or without an amount.", "locale", NOTHING_YET
    )
    yield graph(about, Query(missing, LEGEND), aside=NARROW_LEGEND)
    folded = once("openrouter_exporter_endpoints_folded", COLLECTOR, FLEET)
    about = _about("Endpoints folded", "Endpoints or keys summed as 'other' beyond the limit.", "locale", NOTHING_YET)
    yield graph(about, Query(f"{folded} > 0", LEGEND), aside=NARROW_LEGEND)


def _process() -> Iterator[PanelBuilder]:
    about = _about("Version", "The version of each exporter.")
    version = Query(f"count by (version) (openrouter_exporter_build_info{{{PROCESS}}})", "{{version}}")
    yield figure(about, version, width=24).text_mode(BigValueTextMode.NAME)
    about = _about("Memory", "Resident memory.", "bytes")
    memory = Query(f"max by (instance) (process_resident_memory_bytes{{{PROCESS}}})", "{{instance}}")
    yield graph(about, memory, width=8)
    about = _about("CPU", "Share of one processor.", "percentunit")
    used = f"max by (instance) (rate(process_cpu_seconds_total{{{PROCESS}}}[$__rate_interval]))"
    yield graph(about, Query(used, "{{instance}}"), width=8).interval("1m")
    about = _about(
        "Open files", "Open file descriptors, including connections, as a share of the limit.", "percentunit"
    )
    files = f"max by (instance) (process_open_fds{{{PROCESS}}} / process_max_fds{{{PROCESS}}})"
    yield graph(about, Query(files, "{{instance}}"), width=8)
