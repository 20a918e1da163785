"""PromQL in parts. Two exporters may expose one account, so sums are within each, and the larger one counts.

`by` are the labels that a result keeps, such as `account, model`.
"""

from __future__ import annotations

import re

ACCOUNT = 'account=~"$account"'
PROCESS = 'job=~"$job", instance=~"$instance"'
# All labels of usage; one that a configuration does not use is absent.
LABELS = ("account", "model", "provider", "endpoint_id", "workspace_id", "key", "user_id")
# Spend: OpenRouter's credits plus what providers charge to own keys.
SPEND = "(byok_)?usage_usd"
TOKENS = "(prompt|completion)_tokens"
# Grafana's custom variables cannot hold an empty value.
PICKED = "${window}"
DAY, WEEK, MONTH, MONTH_TO_DATE = "activity", "activity_7d", "activity_30d", "activity_month_to_date"
# The gauges show day D from about 00:30 of the next day until the day after that. The bar of D stands at D itself: the
# last value between 01:00 and the end of the next day, or until now. A coarser step would load fewer samples, but the
# first bar after a start would be up to a step late, and a change just before an outage would be missed.
BOOKED = "[23h:5m] offset -2d"
TODAY = "[1d:5m] @ end() offset -1d"  # after the last midnight of a range of days
LENGTHS = (28, 29, 30, 31)  # of months
DAY_SHOWN = f"openrouter_activity_day_timestamp_seconds{{{ACCOUNT}}}"
FIRING = 'ALERTS{alertname=~"OpenRouter.+", alertstate="firing", account=~"$account|"}'


def series(name: str, matchers: str = ACCOUNT) -> str:
    """Return what selects the series of a family, or of all families that a pattern such as `(a|b)_usd` matches."""
    return f'{{__name__=~"{name}", {matchers}}}' if re.search(r"[(.]", name) else f"{name}{{{matchers}}}"


def once(metric: str, by: str, matchers: str = ACCOUNT) -> str:
    """Return the metric once for each value of these labels, whoever shows it."""
    return f"max by ({by}) ({series(metric, matchers)})"


def ratio(part: str, whole: str, on: str = "") -> str:
    """Return one expression divided by another; nothing where that is 0."""
    return f"{part} / on ({on}) ({whole} > 0)" if on else f"{part} / ({whole} > 0)"


def share_of_total(part: str, total: str) -> str:
    """Return each series as a share of one total."""
    return f"{part} / on () group_left () ({total} > 0)"


def spent(period: str) -> str:
    """Return each account's spend in a calendar period, today included."""
    return f"max by (account) (sum without (paid_by) ({series(f'openrouter_spend_{period}_usd')}))"


def budget(measure: str) -> str:
    """Return a measure of each budget."""
    return once(f"openrouter_budget_{measure}", "account, budget, period")


def budget_used() -> str:
    """Return the spent share of each budget."""
    return ratio(budget("spent_usd"), budget("limit_usd"))


def usage(measure: str, by: str = "", *, window: str = PICKED, matchers: str = ACCOUNT) -> str:
    """Return a measure, or several as a pattern, summed over everything but the labels `by`."""
    shown = by.split(", ") if by else []
    kept = ["account", *(label for label in shown if label != "account")]
    summed = ", ".join(label for label in LABELS if label not in kept)
    of_exporter = f"sum without ({summed}) ({series(f'openrouter_{window}_{measure}', matchers)})"
    of_account = f"max by ({', '.join(kept)}) ({of_exporter})"
    if "account" in shown:
        return of_account
    return f"sum by ({by}) ({of_account})" if by else f"sum({of_account})"


def daily(expression: str) -> str:
    """Return for midnight of each day D the value that the gauges of the latest day had for D."""
    return f"last_over_time(({expression}){BOOKED})"


def largest(expression: str, count: int) -> str:
    """Return the largest of each moment."""
    return f"topk({count}, {expression})"


def largest_at_end(expression: str, by: str, count: int) -> str:
    """Return the series that are largest at the end of the range, so that a graph has `count` series, not more."""
    return f"{expression} and on ({by}) {largest(at_end(expression), count)}"


def at_end(expression: str) -> str:
    """Return an expression as it is at the end of the range."""
    return re.sub(r"(\{[^{}]*\})(?! @)", r"\1 @ end()", expression)


def leading(by: str, count: int) -> str:
    """Return the labels with most spend in the range, by 30 days if that window exists: the same for every day.

    An exporter that is down now must not empty the graph, so the present alone does not decide. The end of a range of
    days is the last midnight: on its first day, an exporter has values only after it.
    """
    windows = " or ".join(usage(SPEND, by, window=window) for window in (MONTH, WEEK, DAY))
    past, today = (f"max_over_time(({windows}){times})" for times in ("[$__range:6h] @ end()", TODAY))
    return largest(f"{past} or {today}", count)


def remainder(whole: str, parts: str) -> str:
    """Return the whole without the parts, on a day without any of them too; rounding never makes it negative."""
    return f"clamp_min({whole} - (sum({parts}) or vector(0)), 0)"


def price(by: str = "", window: str = PICKED) -> str:
    """Return USD per million prompt and completion tokens; nothing where there was no token."""
    return f"1e6 * {share(SPEND, TOKENS, by, window)}"


def share(part: str, whole: str, by: str = "", window: str = PICKED) -> str:
    """Return one measure as a share of another; nothing where there is nothing to share."""
    return ratio(*(usage(measure, by, window=window) for measure in (part, whole)))


def grown(by_account: str, before: str) -> str:
    """Return by which share the sum over accounts has grown; an account without a value before is not compared."""
    return f"{ratio(f'sum({by_account} and on (account) {before})', f'sum({before})')} - 1"


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
    names = series("openrouter_activity_endpoint_info", f'{ACCOUNT}, model!~".+:.+"')
    one = f"topk by (model_permaslug) (1, max by (model, model_permaslug) ({names} @ end()))"
    named = f"{marked} * on (model_permaslug) group_left (model) {one}"
    return f"{how} by ({by}) ({named} or on (model_permaslug) {marked})"


def projected() -> str:
    """Return what each account's month will come to: by its weekdays, and before four weeks by its completed days."""
    month = f"sum without ({', '.join(LABELS[1:])}) ({series(f'openrouter_{MONTH_TO_DATE}_{SPEND}')})"
    by_days = f"max by (account) ({month} / day_of_month({DAY_SHOWN}) * days_in_month({DAY_SHOWN}))"
    return f"({once('openrouter_spend_month_expected_usd', 'account')} or {by_days})"


def happened(counter: str, by: str, matchers: str) -> str:
    """Return how often something happened in each step of the graph.

    Over the step itself: windows of $__rate_interval are longer, so that the legend's total would count some twice.
    Zeros are left out, because counters exist from the start for every known reason.
    """
    return f"sum by ({by}) (increase({series(counter, matchers)}[$__interval])) > 0"
