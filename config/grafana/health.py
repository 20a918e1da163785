"""The dashboard Exporter health: polls, the API, rows, the process."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard as Builder
from grafana_foundation_sdk.builders.dashboard import Row
from grafana_foundation_sdk.models.common import BigValueTextMode
from grafana_foundation_sdk.models.dashboard import Dashboard

from config.grafana.frame import finished, frame, labels
from config.grafana.panels import (
    GREEN,
    NARROW_LEGEND,
    RED,
    YELLOW,
    About,
    Query,
    bars,
    figure,
    graph,
    states,
    thresholds,
    words,
)
from config.grafana.queries import PROCESS, happened, once

FLEET = f'{PROCESS}, account=~"$account"'
COLLECTOR = "account, collector"
LEGEND = "{{account}} {{collector}}"
TALL = 12  # for a line of the legend for each collector
NO_EXPORTER = "Prometheus has scraped no such exporter in this time range. Is its target up?"
NOTHING_YET = "None in this time range."
QUANTILES = ("0.5", "0.95", "0.99")


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
    _polls(builder)
    _api(builder)
    _rows(builder)
    _process(builder)
    return finished(builder)


def _about(title: str, description: str, unit: str = "none", empty: str = NO_EXPORTER) -> About:
    return About(title=title, description=description, unit=unit, empty=empty)


def _now(builder: Builder) -> None:
    builder.with_row(Row("Now"))
    down = figure(
        _about("Targets down", "Exporters that Prometheus does not reach."),
        Query(f"sum(1 - up{{{PROCESS}}})", "Targets down"),
    )
    builder.with_panel(down.mappings(words(("0", "none", GREEN))).thresholds(thresholds((1, RED))))
    accounts = figure(
        _about("Accounts failing", "Accounts of which the last poll of any enabled collector failed."),
        Query(f"sum(1 - {once('openrouter_up', 'account', FLEET)})", "Accounts failing"),
    )
    builder.with_panel(accounts.mappings(words(("0", "none", GREEN))).thresholds(thresholds((1, RED))))
    reload = figure(
        _about("Configuration", "Whether the last load of the configuration succeeded. A failed load changes nothing."),
        Query(f"min(openrouter_exporter_config_last_reload_successful{{{PROCESS}}})", "Configuration"),
    )
    builder.with_panel(reload.mappings(words(("0", "has mistakes", RED), ("1", "loaded", GREEN))))
    loaded = f"max(openrouter_exporter_config_last_reload_success_timestamp_seconds{{{PROCESS}}}) * 1000"
    about = _about("Last loaded", "When a configuration was last loaded successfully.", "dateTimeFromNow")
    builder.with_panel(figure(about, Query(loaded, "Read")))
    key = figure(
        _about(
            "Ordinary keys",
            "Accounts whose key is not a management key: only that can read an account's activity.",
            empty="Not known yet.",
        ),
        Query(f"sum(1 - {once('openrouter_calling_key_is_management', 'account', FLEET)})", "Ordinary keys"),
    )
    builder.with_panel(key.mappings(words(("0", "none", GREEN))).thresholds(thresholds((1, RED))))
    about = _about("Version", "The version of each exporter.")
    version = Query(f"count by (version) (openrouter_exporter_build_info{{{PROCESS}}})", "{{version}}")
    builder.with_panel(figure(about, version).text_mode(BigValueTextMode.NAME))


def _polls(builder: Builder) -> None:
    builder.with_row(Row("Polls"))
    success = f"max by ({COLLECTOR}) (openrouter_collector_last_success_timestamp_seconds{{{FLEET}}} > 0)"
    interval = once("openrouter_collector_interval_seconds", COLLECTOR, FLEET)
    worst = "Of the worst of the chosen accounts."
    builder.with_panel(
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
    builder.with_panel(
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
    builder.with_panel(graph(about, Query(duration, "{{collector}}"), height=TALL, aside=NARROW_LEGEND))
    series = f"sum by (collector) ({once('openrouter_collector_series', COLLECTOR, FLEET)})"
    text = "Series published by each collector, of all chosen accounts; those of expired values are gone."
    about = _about("Series", text, "locale")
    builder.with_panel(graph(about, Query(series, "{{collector}}"), height=TALL, aside=NARROW_LEGEND))
    skipped = happened("openrouter_exporter_polls_skipped_total", f"{COLLECTOR}, reason", FLEET)
    about = _about("Polls skipped", "Polls that were due but did not start, by reason.", "short", NOTHING_YET)
    builder.with_panel(bars(about, Query(skipped, f"{LEGEND}: {{{{reason}}}}"), width=24))


def _api(builder: Builder) -> None:
    builder.with_row(Row("The OpenRouter API"))
    for title, counter, by, text in (
        ("Responses by status", "responses", "code", "Responses of the API, by status code."),
        ("Failed attempts", "failures", "status_class", "Failed attempts, by status class or kind of error."),
        ("Retries", "retries", "operation", "Attempts after a failed one of the same poll, by operation."),
    ):
        query = happened(f"openrouter_exporter_api_{counter}_total", by, FLEET)
        about = _about(title, text, "short", NOTHING_YET)
        builder.with_panel(bars(about, Query(query, f"{{{{{by}}}}}")))
    bucket = f"openrouter_exporter_api_request_duration_seconds_bucket{{{PROCESS}}}"
    rates = f"sum by (le, operation) (rate({bucket}[$__rate_interval]))"
    latencies = (
        Query(f"histogram_quantile({quantile}, {rates})", f"{{{{operation}}}} p{float(quantile) * 100:g}")
        for quantile in QUANTILES
    )
    about = _about("Latency of an attempt", "From request to end of response, of all accounts.", "s", NOTHING_YET)
    builder.with_panel(graph(about, *latencies, aside=NARROW_LEGEND).interval("30m"))
    waited = happened("openrouter_exporter_api_throttled_seconds_total", "account", FLEET)
    about = _about(
        "Waiting for the rate limit", "Seconds that requests waited for the exporter's limit.", "s", NOTHING_YET
    )
    builder.with_panel(bars(about, Query(waited, "{{account}}")))
    requests = happened("openrouter_exporter_api_throttled_requests_total", "account, operation", FLEET)
    about = _about("Requests that waited", "Requests that waited for the exporter's limit.", "short", NOTHING_YET)
    builder.with_panel(bars(about, Query(requests, "{{account}} {{operation}}")))


def _rows(builder: Builder) -> None:
    builder.with_row(Row("Rows"))
    rejected = happened("openrouter_exporter_rows_rejected_total", f"{COLLECTOR}, reason", FLEET)
    about = _about("Rows rejected", "Rows that cannot be used, by reason. The log has examples.", "short", NOTHING_YET)
    builder.with_panel(bars(about, Query(rejected, f"{LEGEND}: {{{{reason}}}}")))
    restated = happened("openrouter_exporter_rows_restated_total", COLLECTOR, FLEET)
    about = _about("Rows restated", "Rows of a day already read whose numbers the API changed.", "short", NOTHING_YET)
    builder.with_panel(bars(about, Query(restated, LEGEND)))
    missing = f"{once('openrouter_collector_rows_rejected', COLLECTOR, FLEET)} > 0"
    about = _about(
        "Rows missing in totals", "API rows that totals lack: rejected, or without an amount.", "locale", NOTHING_YET
    )
    builder.with_panel(graph(about, Query(missing, LEGEND), aside=NARROW_LEGEND))
    folded = once("openrouter_exporter_endpoints_folded", COLLECTOR, FLEET)
    about = _about("Endpoints folded", "Endpoints or keys summed as 'other' beyond the limit.", "locale", NOTHING_YET)
    builder.with_panel(graph(about, Query(f"{folded} > 0", LEGEND), aside=NARROW_LEGEND))


def _process(builder: Builder) -> None:
    builder.with_row(Row("Process"))
    about = _about("Memory", "Resident memory.", "bytes")
    memory = Query(f"max by (instance) (process_resident_memory_bytes{{{PROCESS}}})", "{{instance}}")
    builder.with_panel(graph(about, memory, width=8))
    about = _about("CPU", "Share of one processor.", "percentunit")
    used = f"max by (instance) (rate(process_cpu_seconds_total{{{PROCESS}}}[$__rate_interval]))"
    builder.with_panel(graph(about, Query(used, "{{instance}}"), width=8).interval("1m"))
    about = _about(
        "Open files", "Open file descriptors, including connections, as a share of the limit.", "percentunit"
    )
    files = f"max by (instance) (process_open_fds{{{PROCESS}}} / process_max_fds{{{PROCESS}}})"
    builder.with_panel(graph(about, Query(files, "{{instance}}"), width=8))
