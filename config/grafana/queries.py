"""PromQL in parts. Two exporters may expose one account, so sums are within each, and the larger one counts."""

from __future__ import annotations

import re

ACCOUNT = 'account=~"$account"'
PROCESS = 'job=~"$job", instance=~"$instance"'
# All labels of usage; one that a configuration does not use is absent.
SERIES = ("account", "model", "provider", "endpoint_id", "workspace_id", "key", "user_id")
# Spend: OpenRouter's credits plus what providers charge to own keys.
SPEND = "(byok_)?usage_usd"
TOKENS = "(prompt|completion)_tokens"
# Grafana's custom variables cannot hold an empty value.
PICKED = "${window}"
DAY = "activity"
# The gauges show day D from about 00:30 of the next day until the day after that. The bar of D stands at D itself: the
# last value between 01:00 and the end of the next day, or until now.
BOOKED = "[23h:5m] offset -2d"

TODAY = "[1d:5m] @ end() offset -1d"  # after the last midnight of a range of days
LENGTHS = (28, 29, 30, 31)  # of months


def once(metric: str, labels: str, matchers: str = ACCOUNT) -> str:
    """Return the metric with each of these labels once, whoever shows it."""
    return f"max by ({labels}) ({metric}{{{matchers}}})"


def usage(measure: str, by: str = "", *, window: str = PICKED, matchers: str = ACCOUNT) -> str:
    """Return a measure, or several as a pattern, summed over everything but the labels `by`."""
    shown = by.split(", ") if by else []
    kept = ["account", *(label for label in shown if label != "account")]
    summed = ", ".join(label for label in SERIES if label not in kept)
    name = f"openrouter_{window}_{measure}"
    series = f'{{__name__=~"{name}", {matchers}}}' if "(" in measure else f"{name}{{{matchers}}}"
    shown_once = f"max by ({', '.join(kept)}) (sum without ({summed}) ({series}))"
    if "account" in shown:
        return shown_once
    return f"sum by ({by}) ({shown_once})" if by else f"sum({shown_once})"


def daily(expression: str) -> str:
    """Return for midnight of each day D the value that the gauges of the latest day had for D."""
    return f"last_over_time(({expression}){BOOKED})"


def largest(expression: str, count: int) -> str:
    """Return the largest of each moment."""
    return f"topk({count}, {expression})"


def largest_at_end(expression: str, by: str, count: int) -> str:
    """Return the series that are largest at the end of the range, so that a graph has `count` series, not more."""
    return f"{expression} and on ({by}) topk({count}, {at_end(expression)})"


def at_end(expression: str) -> str:
    """Return an expression as it is at the end of the range."""
    return re.sub(r"(\{[^{}]*\})(?! @)", r"\1 @ end()", expression)


def leading(by: str, count: int) -> str:
    """Return the labels with most spend in the range, by 30 days if that window exists: the same for every day.

    An exporter that is down now must not empty the graph, so the present alone does not decide. The end of a range of
    days is the last midnight: on its first day, an exporter has values only after it.
    """
    windows = " or ".join(usage(SPEND, by, window=window) for window in ("activity_30d", "activity_7d", DAY))
    past, today = (f"max_over_time(({windows}){times})" for times in ("[$__range:6h] @ end()", TODAY))
    return f"topk({count}, {past} or {today})"


def remainder(whole: str, parts: str) -> str:
    """Return the whole without the parts, on a day without any of them too; rounding never makes it negative."""
    return f"clamp_min({whole} - sum({parts}) or {whole}, 0)"


def price(by: str = "", *, window: str = PICKED, matchers: str = ACCOUNT) -> str:
    """Return USD per million prompt and completion tokens; nothing where there was no token."""
    spend = usage(SPEND, by, window=window, matchers=matchers)
    return f"1e6 * {spend} / ({usage(TOKENS, by, window=window, matchers=matchers)} > 0)"


def share(part: str, whole: str, by: str = "", *, window: str = PICKED, matchers: str = ACCOUNT) -> str:
    """Return one measure as a share of another; nothing where there is nothing to share."""
    numerator = usage(part, by, window=window, matchers=matchers)
    return f"{numerator} / ({usage(whole, by, window=window, matchers=matchers)} > 0)"


def day() -> str:
    """Return the start of the latest completed day, per account."""
    return once("openrouter_activity_day_timestamp_seconds", "account")


def rows_missing() -> str:
    """Return how many rows the totals lack: rejected, or without an amount."""
    return f"sum({once('openrouter_collector_rows_rejected', 'account, collector')})"


def grown(by_account: str, before: str) -> str:
    """Return by which share the sum over accounts has grown; an account without a value before is not compared."""
    return f"sum({by_account} and on (account) {before}) / (sum({before}) > 0) - 1"


def same_day_last_month(expression: str, day: str = "vector(time())") -> str:
    """Return an expression as it was on the same date of the month before, or on its last day if it was shorter.

    An offset in PromQL is fixed, and a month has 28 to 31 days: of four offsets, the length of the month before selects
    one.
    """
    date, last = f"day_of_month({day})", f"days_in_month({day} - 86400 * day_of_month({day}))"
    days = f"({date} > {last} or {last})"
    shifted = (f"{offset(expression, f'{length}d')} and on () {days} == {length}" for length in LENGTHS)
    return f"({' or '.join(shifted)})"


def offset(expression: str, before: str) -> str:
    """Return an expression as it was."""
    return re.sub(r"(\{[^{}]*\})", rf"\1 offset {before}", expression)


def named_as_completed_days(dated: str, by: str, how: str = "sum") -> str:
    """Return series by the names that models have in completed days: the analytics API gives dated names.

    A model that was not used in 30 days keeps the dated name. The variants of a model, such as `:free`, have its dated
    name: together they are shown as the model, by their sum or, of what cannot be summed, by their `max`.
    """
    marked = f'label_join({dated}, "model_permaslug", "", "model")'
    names = f'openrouter_activity_endpoint_info{{{ACCOUNT}, model!~".+:.+"}} @ end()'
    one = f"topk by (model_permaslug) (1, max by (model, model_permaslug) ({names}))"
    named = f"{marked} * on (model_permaslug) group_left (model) {one}"
    return f"{how} by ({by}) ({named} or on (model_permaslug) {marked})"


def projected() -> str:
    """Return what each account's month will come to: by its weekdays, and before four weeks by its completed days."""
    shown = f"openrouter_activity_day_timestamp_seconds{{{ACCOUNT}}}"
    spent = (
        f'sum without ({", ".join(SERIES[1:])}) ({{__name__=~"openrouter_activity_month_to_date_{SPEND}", {ACCOUNT}}})'
    )
    by_days = f"max by (account) ({spent} / day_of_month({shown}) * days_in_month({shown}))"
    return f"({once('openrouter_spend_month_expected_usd', 'account')} or {by_days})"


def happened(counter: str, by: str, matchers: str) -> str:
    """Return how often something happened in each step of the graph.

    Over the step itself: windows of $__rate_interval are longer, so that the legend's total would count some twice.
    Zeros are left out, because counters exist from the start for every known reason.
    """
    return f"sum by ({by}) (increase({counter}{{{matchers}}}[$__interval])) > 0"
