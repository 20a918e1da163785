"""PromQL in parts. Two exporters may show one account at once: every expression first takes the maximum, then sums."""

from __future__ import annotations

ACCOUNT = 'account=~"$account"'
PROCESS = 'job=~"$job", instance=~"$instance"'
# All labels that usage can have; one that a configuration doesn't use is simply not there.
SERIES = "account, model, provider, endpoint_id, workspace_id, key, user_id"
# A value of the picker is never empty: Grafana's custom variables can't hold an empty one.
PICKED = "${window}"
DAY = "activity"
# An answer shows day D from about 00:30 on the day after until the next one comes. Its bar stands at D itself: the last
# value between 01:00 and the end of the day after. What ends later than now is read as far as it has come.
BOOKED = "[23h:5m] offset -2d"


def once(metric: str, labels: str, matchers: str = ACCOUNT) -> str:
    """Return the metric with each of our series once, whoever shows it."""
    return f"max by ({labels}) ({metric}{{{matchers}}})"


def usage(measure: str, by: str = "", *, window: str = PICKED, matchers: str = ACCOUNT) -> str:
    """Return a measure of usage, summed over everything but the labels `by`."""
    grouping = f" by ({by})" if by else ""
    return f"sum{grouping} ({once(f'openrouter_{window}_{measure}', SERIES, matchers)})"


def daily(expression: str) -> str:
    """Return for midnight of each day D what the gauges of the latest day said about D."""
    return f"last_over_time(({expression}){BOOKED})"


def largest(expression: str, count: int) -> str:
    """Return the largest of each moment."""
    return f"topk({count}, {expression})"


def remainder(whole: str, parts: str, count: int) -> str:
    """Return what is left when the largest parts are taken from the whole; rounding never makes it negative."""
    return f"clamp_min({whole} - sum({largest(parts, count)}), 0)"


def tokens(by: str = "", *, window: str = PICKED, matchers: str = ACCOUNT) -> str:
    """Return prompt and completion tokens; cached and reasoning tokens are reported as parts of these."""
    prompt = usage("prompt_tokens", by, window=window, matchers=matchers)
    return f"({prompt} + {usage('completion_tokens', by, window=window, matchers=matchers)})"


def price(by: str = "", *, window: str = PICKED, matchers: str = ACCOUNT) -> str:
    """Return USD per million tokens; nothing where there was no token."""
    spend = usage("usage_usd", by, window=window, matchers=matchers)
    return f"1e6 * {spend} / ({tokens(by, window=window, matchers=matchers)} > 0)"


def share(part: str, whole: str, by: str = "", *, window: str = PICKED, matchers: str = ACCOUNT) -> str:
    """Return one measure as a share of another; nothing where there is nothing to share."""
    numerator = usage(part, by, window=window, matchers=matchers)
    return f"{numerator} / ({usage(whole, by, window=window, matchers=matchers)} > 0)"


def day() -> str:
    """Return the start of the latest completed day, per account."""
    return once("openrouter_activity_day_timestamp_seconds", "account")


def projected(by: str = "account") -> str:
    """Return the month's spend if its remaining days cost what the completed ones cost on average."""
    spent = usage("usage_usd", by, window="activity_month_to_date")
    return f"{spent} / on (account) day_of_month({day()}) * on (account) days_in_month({day()})"


def happened(counter: str, by: str, matchers: str) -> str:
    """Return how often something happened per step of the graph."""
    return f"sum by ({by}) (increase({counter}{{{matchers}}}[$__rate_interval]))"
