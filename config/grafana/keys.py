"""Rows of Budget and keys: keys and their limits, the exporter's own key, and the thresholds of alerts."""

from __future__ import annotations

from grafana_foundation_sdk.builders import common

from config.grafana.frame import PanelRow, folded, row
from config.grafana.panels import (
    DOLLARS,
    LIMIT_COLOURS,
    RED,
    YELLOW,
    About,
    AnyPanel,
    Query,
    figure,
    ranking,
    thresholds,
)
from config.grafana.queries import ACCOUNT, once, ratio, series
from config.grafana.tables import Column, dollars, hidden, joined, percent

KEY = "account, key"
PICKED = (("name", "key"), ("workspace", "workspace"))  # labels, and the variables that select their values
NO_KEYS = "No keys: is the collector keys enabled, and the account's key a management key?"
NO_BUDGETS = "The account's key has no budget of this kind."
# Families of thresholds by their unit: title, pattern, divisor, unit.
THRESHOLDS = (
    ("Ratio", ".+_ratio", 1, "none"),
    ("US dollars", ".+_usd", 1, DOLLARS),
    ("Time", ".+_seconds", 86400, "suffix: days"),
    ("Requests", "requests_.+", 1, "locale"),
)
CHOSEN = ", ".join((ACCOUNT, *(f'{label}=~"${variable}"' for label, variable in PICKED)))


def rows() -> tuple[PanelRow, ...]:
    """Return the rows."""
    return (
        row("Keys", _limits_used_most(), _all_keys(), _keys_on_watch()),
        folded("The exporter's own key", _budgets(), _budget_left(), _free_requests(), _key_expires()),
        folded("Alert thresholds", _thresholds()),
    )


def _of_key(measure: str) -> str:
    return _chosen(once(f"openrouter_key_{measure}", KEY))


def _chosen(expression: str) -> str:
    """Return an expression without keys of other names and workspaces. What has no name, such as `other`, stays."""
    others = (series("openrouter_key_info", f'{ACCOUNT}, {label}!~"${variable}"') for label, variable in PICKED)
    return f"({' unless on (account, key) '.join((expression, *others))})"


def _used() -> str:
    return ratio(_of_key("limit_used_usd"), _of_key("limit_usd"))


def _with_own_provider_keys(period: str) -> str:
    """Return what each key spent in a period, credits and own provider keys."""
    credits_, own = (series(f"openrouter_key_{paid_by}_{period}_usd") for paid_by in ("usage", "byok_usage"))
    return _chosen(f"max by ({KEY}) ({credits_} + {own})")


def _time(name: str, expression: str, width: int) -> Column:
    return Column(name, f"{expression} * 1000", "dateTimeFromNow", width)


def _last_used(width: int) -> Column:
    return _time("Last used", _of_key("last_used_timestamp_seconds"), width)


def _info(labels: str) -> Column:
    return hidden(once("openrouter_key_info", f"{KEY}, {labels}", CHOSEN))


def _limits_used_most() -> AnyPanel:
    about = About(
        "Limits used most",
        "Used share of each key's limit since its last reset, the 8 highest. OpenRouter refuses a key at 100 %. The "
        "alert uses thresholds.key_limit_ratio.",
        "percentunit",
        f"No key with a limit. {NO_KEYS}",
        "no limits",
    )
    # A key that has just been renamed has two names until the next scrape: one is enough.
    name = f"topk by ({KEY}) (1, {once('openrouter_key_info', f'{KEY}, name')})"
    used = Query(f"topk(8, {_used()}) * on ({KEY}) group_left (name) {name}", "{{name}}, {{account}}")
    return ranking(about, used, width=24).max(1).thresholds(thresholds((0.75, YELLOW), (0.9, RED)))


def _all_keys() -> AnyPanel:
    about = About(
        "All keys",
        "Spend of credits by period and of own provider keys by month, limit, expiry and last use of each key. Empty "
        "cells: no limit, no expiry, never used. 'other' sums the keys that the exporter folded.",
        "none",
        NO_KEYS,
    )
    columns = (
        dollars("Month", _of_key("usage_month_usd"), 90),
        dollars("Week", _of_key("usage_week_usd"), 85),
        dollars("Today", _of_key("usage_today_usd"), 80),
        dollars("Own keys", _of_key("byok_usage_month_usd"), 95),
        Column("Limit", _of_key("limit_usd"), DOLLARS, 80),
        percent("Used", _used(), 70),
        dollars("Left", _of_key("limit_remaining_usd"), 95),
        _time("Expires", _of_key("expires_timestamp_seconds"), 135),
        _last_used(135),
        Column("Disabled", _of_key("disabled"), "bool_yes_no", 82),
        _info("name, workspace, limit_reset"),
    )
    names = {
        "account": ("Account", 130),
        "name": ("Name", 112),
        "workspace": ("Workspace", 112),
        "key": ("Key", 120),
        "limit_reset": ("Limit resets", 122),
    }
    return joined(about, names, columns)


def _keys_on_watch() -> AnyPanel:
    about = About(
        "Keys on watch",
        "Today's share of each key's spend of the week, highest first: a stolen key, or one that wakes up, is at the "
        "top. The alerts are OpenRouterKeySpendUnusual and OpenRouterKeyAwake.",
        "none",
        NO_KEYS,
    )
    today, week = _with_own_provider_keys("today"), _with_own_provider_keys("week")
    columns = (
        percent("Today of week", ratio(today, week), 130),
        dollars("Today", today),
        dollars("This week", week),
        _last_used(140),
        _info("name"),
    )
    names = {"account": ("Account", 130), "name": ("Name", 180), "key": ("Key", 140)}
    return joined(about, names, columns, height=9)


def _budgets() -> AnyPanel:
    about = About(
        "Budgets",
        "Budgets that apply to the exporter's key: of a workspace, a member or the key itself.",
        DOLLARS,
        NO_BUDGETS,
    )

    def of_budget(measure: str) -> str:
        return once(f"openrouter_calling_key_budget_{measure}", "account, scope, budget_id")

    columns = (
        dollars("Spent", of_budget("spend_usd"), 100),
        dollars("Limit", of_budget("limit_usd"), 100),
        dollars("Left", of_budget("remaining_usd"), 100),
        _time("Resets", of_budget("resets_timestamp_seconds"), 130),
    )
    names = {"account": ("Account", 130), "scope": ("Scope", 110), "budget_id": ("Budget", 150)}
    return joined(about, names, columns, width=12, height=6)


def _budget_left() -> AnyPanel:
    about = About(
        "Budget left",
        "What is left of the tightest budget, of the account with the least.",
        DOLLARS,
        NO_BUDGETS,
        "no budget",
    )
    left = once("openrouter_calling_key_effective_budget_remaining_usd", "account")
    return figure(about, Query(f"min({left})", "Left"), height=6)


def _free_requests() -> AnyPanel:
    about = About(
        "Free requests",
        "Requests to free models as a share of the day's quota, per account.",
        "percentunit",
        "No quota: is the collector key enabled?",
        "no quota",
    )
    used, quota = (once(f"openrouter_free_model_requests_{measure}", "account") for measure in ("used", "limit"))
    share = Query(ratio(used, quota, on="account"), "{{account}}")
    return figure(about, share, height=6).thresholds(LIMIT_COLOURS)


def _key_expires() -> AnyPanel:
    about = About(
        "Key expires",
        "When the first key of the chosen accounts expires. OpenRouter refuses the exporter from then on.",
        "dateTimeFromNow",
        "No key expires, or the expiry is unknown.",
        "none known",
    )
    expiry = once("openrouter_calling_key_expiry_timestamp_seconds", "account")
    return figure(about, Query(f"min({expiry}) * 1000", "Expires"), height=6)


def _thresholds() -> AnyPanel:
    about = About(
        "Thresholds",
        "Thresholds of the alerts, from `thresholds` in the exporter's configuration. A threshold is named as its "
        "metric, `openrouter_threshold_…`; one that is not listed is null: its alert is off.",
        "none",
        "No thresholds: has the exporter been scraped?",
    )
    columns = [
        Column(title, f"{_threshold(pattern)} / {divisor}", unit, 120) for title, pattern, divisor, unit in THRESHOLDS
    ]
    panel = joined(about, {"account": ("Account", 160), "threshold": ("Threshold", 260)}, columns, height=22)
    return panel.sort_by([common.TableSortByFieldState().display_name("Threshold")])


def _threshold(pattern: str) -> str:
    families = once(f"openrouter_threshold_{pattern}", "account, __name__")
    named = f'label_replace({families}, "threshold", "$1", "__name__", "openrouter_threshold_(.+)")'
    return f"max by (account, threshold) ({named})"
