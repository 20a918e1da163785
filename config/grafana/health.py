"""The dashboard Exporter health: polls, the API, rows, the process."""

from __future__ import annotations

from collections.abc import Iterator

from grafana_foundation_sdk.models.common import BigValueTextMode
from grafana_foundation_sdk.models.dashboard import Dashboard

from config.grafana.frame import finished, folded, frame, labels, row
from config.grafana.panels import (
    GREEN,
    NARROW_LEGEND,
    RED,
    STATUS_COLOURS,
    YELLOW,
    About,
    AnyPanel,
    Query,
    bars,
    colour,
    figure,
    graph,
    states,
    thresholds,
    words,
)
from config.grafana.queries import PROCESS, happened, once, series

FLEET = f'{PROCESS}, account=~"$account"'
COLLECTOR = "account, collector"
LEGEND = "{{account}} {{collector}}"
TALL = 12  # for a line of the legend for each collector
NO_EXPORTER = "Prometheus has scraped no such exporter in this time range. Is its target up?"
NOTHING_YET = "None in this time range."
WORST = "The worst of the selected accounts."

# Problems, counted.
TARGETS_DOWN = f"sum(1 - {series('up', PROCESS)})"
FAILING = f"sum(1 - {once('openrouter_up', 'account', FLEET)})"
ORDINARY_KEYS = f"sum(1 - {once('openrouter_calling_key_is_management', 'account', FLEET)})"
NOT_LOADED = f"sum(1 - {series('openrouter_exporter_config_last_reload_successful', PROCESS)})"


def dashboard() -> Dashboard:
    """Return the dashboard."""
    known = "openrouter_exporter_build_info"
    return finished(
        frame(
            "openrouter-health",
            "OpenRouter / Exporter health",
            "Polls, responses of the API, rows, and the exporter's process.",
            labels("job", "Job", known, everything=""),
            labels("instance", "Instance", series(known, 'job=~"$job"'), everything=""),
            since="now-24h",
            refresh="1m",
        ),
        row("", _problems(), *_problems_by_kind(), _last_loaded()),
        folded("Polls", _outcomes(), _staleness(), _durations(), _series(), _skipped()),
        folded("The OpenRouter API", *_attempts(), _waiting(), _latency()),
        folded("Rows", _rejected(), _restated(), _missing(), _folded_endpoints()),
        folded("Process", _version(), _memory(), _cpu(), _open_files()),
    )


def _about(title: str, description: str, unit: str = "none", empty: str = NO_EXPORTER) -> About:
    return About(title, description, unit, empty)


def _by_collector(metric: str) -> str:
    return once(f"openrouter_{metric}", COLLECTOR, FLEET)


def _happened(counter: str, by: str) -> str:
    return happened(f"openrouter_exporter_{counter}_total", by, FLEET)


def _problems() -> AnyPanel:
    about = _about(
        "Exporter",
        "Number of problems: targets down, accounts failing, accounts with an ordinary key, bad configurations.",
    )
    others = (f"({problem} or vector(0))" for problem in (FAILING, ORDINARY_KEYS, NOT_LOADED))
    panel = figure(about, Query(" + ".join([TARGETS_DOWN, *others]), "Problems")).unit("suffix: problems")
    return panel.mappings(words(("0", "all well", GREEN))).thresholds(thresholds((1, RED)))


def _problems_by_kind() -> Iterator[AnyPanel]:
    for title, text, expression in (
        ("Targets down", "Exporters that Prometheus cannot reach.", TARGETS_DOWN),
        ("Accounts failing", "Accounts for which the last poll of an enabled collector failed.", FAILING),
        (
            "Ordinary keys",
            "Accounts without a management key; only such a key can read an account's activity.",
            ORDINARY_KEYS,
        ),
        ("Bad configurations", "Configurations that could not be loaded; the previous one stays in force.", NOT_LOADED),
    ):
        panel = figure(_about(title, text), expression)
        yield panel.mappings(words(("0", "none", GREEN))).thresholds(thresholds((1, RED)))


def _last_loaded() -> AnyPanel:
    about = _about("Last loaded", "When a configuration was last loaded successfully.", "dateTimeFromNow")
    loaded = series("openrouter_exporter_config_last_reload_success_timestamp_seconds", PROCESS)
    return figure(about, Query(f"max({loaded}) * 1000", "Read"))


def _outcomes() -> AnyPanel:
    about = _about("Outcome of the last poll", "Whether the last poll of each collector succeeded.")
    meaning = words(("0", "failed", RED), ("1", "succeeded", GREEN))
    return states(about, Query(_by_collector("collector_success"), LEGEND), meaning=meaning, height=TALL)


def _staleness() -> AnyPanel:
    about = _about(
        "Staleness",
        "Time since the last successful poll, in poll intervals: up to 1 is normal, above 2 a poll failed. "
        f"Values expire after stale_after. {WORST}",
        empty="No poll has succeeded: see the outcome of the last poll, and the exporter's log.",
    )
    success = f"{series('openrouter_collector_last_success_timestamp_seconds', FLEET)} > 0"
    age = f"(time() - max by ({COLLECTOR}) ({success}))"
    worst = Query(f"max by (collector) ({age} / {_by_collector('collector_interval_seconds')})", "{{collector}}")
    return graph(about, worst, height=TALL, aside=NARROW_LEGEND).thresholds(thresholds((2, YELLOW), (4, RED)))


def _durations() -> AnyPanel:
    text = f"Includes retries and waiting for the exporter's rate limit. {WORST}"
    duration = Query(once("openrouter_collector_duration_seconds", "collector", FLEET), "{{collector}}")
    return graph(_about("Duration of the last poll", text, "s"), duration, height=TALL, aside=NARROW_LEGEND)


def _series() -> AnyPanel:
    text = "Series published by each collector, for all selected accounts, without expired ones."
    published = Query(f"sum by (collector) ({_by_collector('collector_series')})", "{{collector}}")
    return graph(_about("Series", text, "locale"), published, height=TALL, aside=NARROW_LEGEND)


def _skipped() -> AnyPanel:
    about = _about("Polls skipped", "Polls that were due but did not start, by reason.", "short", NOTHING_YET)
    return bars(about, Query(_happened("polls_skipped", f"{COLLECTOR}, reason"), LEGEND + ": {{reason}}"), width=24)


def _attempts() -> Iterator[AnyPanel]:
    for title, counter, by, text in (
        ("Responses by status", "responses", "code", "Responses of the API, by status code."),
        ("Failed attempts", "failures", "status_class", "Failed attempts, by status class or kind of error."),
        ("Retries", "retries", "operation", "Attempts after a failed one of the same poll, by operation."),
    ):
        query = Query(_happened(f"api_{counter}", by), "{{" + by + "}}")
        yield colour(bars(_about(title, text, "short", NOTHING_YET), query), STATUS_COLOURS)


def _waiting() -> AnyPanel:
    text = "Seconds that requests waited for the exporter's limit."
    waited = Query(_happened("api_throttled_seconds", "account"), "{{account}}")
    return bars(_about("Waiting for the rate limit", text, "s", NOTHING_YET), waited)


def _latency() -> AnyPanel:
    text = "The 95th percentile, from request to end of response, over all accounts, by operation."
    buckets = series("openrouter_exporter_api_request_duration_seconds_bucket", PROCESS)
    rates = f"sum by (le, operation) (rate({buckets}[$__rate_interval]))"
    latency = Query(f"histogram_quantile(0.95, {rates}) > 0", "{{operation}}")
    about = _about("Latency of an attempt", text, "s", NOTHING_YET)
    return graph(about, latency, aside=NARROW_LEGEND, width=24, height=TALL).interval("30m")


def _rejected() -> AnyPanel:
    about = _about("Rows rejected", "Rows that cannot be used, by reason. The log has examples.", "short", NOTHING_YET)
    return bars(about, Query(_happened("rows_rejected", f"{COLLECTOR}, reason"), LEGEND + ": {{reason}}"))


def _restated() -> AnyPanel:
    about = _about("Rows restated", "Rows of a day already read whose numbers the API changed.", "short", NOTHING_YET)
    return bars(about, Query(_happened("rows_restated", COLLECTOR), LEGEND))


def _missing() -> AnyPanel:
    text = "API rows that totals lack: rejected, or without an amount."
    missing = Query(f"{_by_collector('collector_rows_rejected')} > 0", LEGEND)
    return graph(_about("Rows missing in totals", text, "locale", NOTHING_YET), missing, aside=NARROW_LEGEND)


def _folded_endpoints() -> AnyPanel:
    about = _about("Endpoints folded", "Endpoints or keys summed as 'other' beyond the limit.", "locale", NOTHING_YET)
    return graph(about, Query(f"{_by_collector('exporter_endpoints_folded')} > 0", LEGEND), aside=NARROW_LEGEND)


def _version() -> AnyPanel:
    version = Query(f"count by (version) ({series('openrouter_exporter_build_info', PROCESS)})", "{{version}}")
    panel = figure(_about("Version", "The version of each exporter."), version, width=24)
    return panel.text_mode(BigValueTextMode.NAME)


def _memory() -> AnyPanel:
    memory = Query(once("process_resident_memory_bytes", "instance", PROCESS), "{{instance}}")
    return graph(_about("Memory", "Resident memory.", "bytes"), memory, width=8)


def _cpu() -> AnyPanel:
    used = f"rate({series('process_cpu_seconds_total', PROCESS)}[$__rate_interval])"
    about = _about("CPU", "Share of one processor.", "percentunit")
    return graph(about, Query(f"max by (instance) ({used})", "{{instance}}"), width=8).interval("1m")


def _open_files() -> AnyPanel:
    text = "Open file descriptors, including connections, as a share of the limit."
    used, limit = (series(f"process_{files}_fds", PROCESS) for files in ("open", "max"))
    files = Query(f"max by (instance) ({used} / {limit})", "{{instance}}")
    return graph(_about("Open files", text, "percentunit"), files, width=8)
