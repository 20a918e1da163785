"""Rows of Budget and keys: keys and their limits, the exporter's own key, and the thresholds of alerts."""

from __future__ import annotations

from collections.abc import Iterator

from grafana_foundation_sdk.builders import common
from grafana_foundation_sdk.builders.dashboard import Dashboard as Builder
from grafana_foundation_sdk.builders.dashboard import Row
from grafana_foundation_sdk.cog.builder import Builder as AnyBuilder
from grafana_foundation_sdk.models.dashboard import Panel

from config.grafana.frame import folded
from config.grafana.panels import DOLLARS, RED, YELLOW, About, Query, figure, ranking, thresholds
from config.grafana.queries import ACCOUNT, once
from config.grafana.tables import CENTS, HIDDEN, Column, joined

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


def rows(builder: Builder) -> None:
    """Add the rows to the dashboard."""
    _keys(builder)
    builder.with_row(folded("The exporter's own key", *_calling_key()))
    builder.with_row(folded("Alert thresholds", _thresholds()))


def _of_key(measure: str) -> str:
    return _chosen(once(f"openrouter_key_{measure}", KEY))


def _chosen(expression: str) -> str:
    """Return an expression without keys of other names and workspaces. What has no name, such as `other`, stays."""
    others = (f'openrouter_key_info{{{ACCOUNT}, {label}!~"${variable}"}}' for label, variable in PICKED)
    return f"({' unless on (account, key) '.join((expression, *others))})"


def _used() -> str:
    return f"{_of_key('limit_used_usd')} / ({_of_key('limit_usd')} > 0)"


def _keys(builder: Builder) -> None:
    builder.with_row(Row("Keys"))
    # A key that has just been renamed has two names until the next scrape: one is enough.
    name = f"topk by ({KEY}) (1, {once('openrouter_key_info', f'{KEY}, name')})"
    about = About(
        title="Limits used most",
        description="Used share of each key's limit since its last reset, the 8 highest. OpenRouter refuses a key at "
        "100 %. The alert uses thresholds.key_limit_ratio.",
        unit="percentunit",
        empty=f"No key with a limit. {NO_KEYS}",
        short="no limits",
    )
    used = Query(f"topk(8, {_used()}) * on ({KEY}) group_left (name) {name}", "{{name}}, {{account}}")
    colours = thresholds((0.75, YELLOW), (0.9, RED))
    builder.with_panel(ranking(about, used, width=24, height=9).max(1).thresholds(colours))
    about = About(
        title="All keys",
        description="Spend of credits by period and of own provider keys by month, limit, expiry and last use of each "
        "key. Empty cells: no limit, no expiry, never used. 'other' sums the keys that the exporter folded.",
        unit="none",
        empty=NO_KEYS,
    )
    labels = {
        "account": ("Account", 130),
        "name": ("Name", 112),
        "workspace": ("Workspace", 112),
        "key": ("Key", 120),
        "limit_reset": ("Limit resets", 122),
    }
    columns = (
        Column("Month", _of_key("usage_month_usd"), DOLLARS, 90, CENTS),
        Column("Week", _of_key("usage_week_usd"), DOLLARS, 85, CENTS),
        Column("Today", _of_key("usage_today_usd"), DOLLARS, 80, CENTS),
        Column("Own keys", _of_key("byok_usage_month_usd"), DOLLARS, 95, CENTS),
        Column("Limit", _of_key("limit_usd"), DOLLARS, 80),
        Column("Used", _used(), "percentunit", 70, {"decimals": 1}),
        Column("Left", _of_key("limit_remaining_usd"), DOLLARS, 95, CENTS),
        Column("Expires", f"{_of_key('expires_timestamp_seconds')} * 1000", "dateTimeFromNow", 135),
        Column("Last used", f"{_of_key('last_used_timestamp_seconds')} * 1000", "dateTimeFromNow", 135),
        Column("Disabled", _of_key("disabled"), "bool_yes_no", 82),
        Column("Info", once("openrouter_key_info", f"{KEY}, name, workspace, limit_reset", CHOSEN), "none", 0, HIDDEN),
    )
    builder.with_panel(joined(about, labels, columns))
    _watch(builder)


def _watch(builder: Builder) -> None:
    today, week = (
        _chosen(
            f"max by ({KEY}) (openrouter_key_usage_{period}_usd{{{ACCOUNT}}}"
            f" + openrouter_key_byok_usage_{period}_usd{{{ACCOUNT}}})"
        )
        for period in ("today", "week")
    )
    about = About(
        title="Keys on watch",
        description="Today's share of each key's spend of the week, highest first: a stolen key, or one that wakes up, "
        "is at the top. The alerts are OpenRouterKeySpendUnusual and OpenRouterKeyAwake.",
        unit="none",
        empty=NO_KEYS,
    )
    labels = {"account": ("Account", 130), "name": ("Name", 180), "key": ("Key", 140)}
    columns = (
        Column("Today of week", f"{today} / ({week} > 0)", "percentunit", 130, {"decimals": 1}),
        Column("Today", today, DOLLARS, 110, CENTS),
        Column("This week", week, DOLLARS, 110, CENTS),
        Column("Last used", f"{_of_key('last_used_timestamp_seconds')} * 1000", "dateTimeFromNow", 140),
        Column("Info", once("openrouter_key_info", f"{KEY}, name", CHOSEN), "none", 0, HIDDEN),
    )
    builder.with_panel(joined(about, labels, columns, height=9))


def _calling_key() -> Iterator[AnyBuilder[Panel]]:
    budgets = ("budget_spend_usd", "budget_limit_usd", "budget_remaining_usd")
    by = "account, scope, budget_id"
    about = About(
        title="Budgets",
        description="Budgets that apply to the exporter's key: of a workspace, a member or the key itself.",
        unit=DOLLARS,
        empty=NO_BUDGETS,
    )
    resets = once("openrouter_calling_key_budget_resets_timestamp_seconds", by)
    columns = (
        *(
            Column(title, once(f"openrouter_calling_key_{measure}", by), DOLLARS, 100, CENTS)
            for title, measure in zip(("Spent", "Limit", "Left"), budgets, strict=True)
        ),
        Column("Resets", f"{resets} * 1000", "dateTimeFromNow", 130),
    )
    labels = {"account": ("Account", 130), "scope": ("Scope", 110), "budget_id": ("Budget", 150)}
    yield joined(about, labels, columns, width=12, height=6)
    about = About(
        title="Budget left",
        description="What is left of the tightest budget, of the account with the least.",
        unit=DOLLARS,
        empty=NO_BUDGETS,
        short="no budget",
    )
    left = once("openrouter_calling_key_effective_budget_remaining_usd", "account")
    yield figure(about, Query(f"min({left})", "Left"), height=6)
    about = About(
        title="Free requests",
        description="Requests to free models as a share of the day's quota, per account.",
        unit="percentunit",
        empty="No quota: is the collector key enabled?",
        short="no quota",
    )
    used = once("openrouter_free_model_requests_used", "account")
    quota = once("openrouter_free_model_requests_limit", "account")
    colours = thresholds((0.8, YELLOW), (1, RED), base="text")
    panel = figure(about, Query(f"{used} / on (account) ({quota} > 0)", "{{account}}"), height=6)
    yield panel.thresholds(colours)
    about = About(
        title="Key expires",
        description="When the first key of the chosen accounts expires. OpenRouter refuses the exporter from then on.",
        unit="dateTimeFromNow",
        empty="No key expires, or the expiry is unknown.",
        short="none known",
    )
    expiry = once("openrouter_calling_key_expiry_timestamp_seconds", "account")
    yield figure(about, Query(f"min({expiry}) * 1000", "Expires"), height=6)


def _thresholds() -> AnyBuilder[Panel]:
    about = About(
        title="Thresholds",
        description="Thresholds of the alerts, from `thresholds` in the exporter's configuration. A threshold is named "
        "as its metric, `openrouter_threshold_…`; one that is not listed is null: its alert is off.",
        unit="none",
        empty="No thresholds: has the exporter been scraped?",
    )
    columns = [
        Column(title, f"{_threshold(pattern)} / {divisor}", unit, 120) for title, pattern, divisor, unit in THRESHOLDS
    ]
    labels = {"account": ("Account", 160), "threshold": ("Threshold", 260)}
    panel = joined(about, labels, columns, height=22)
    return panel.sort_by([common.TableSortByFieldState().display_name("Threshold")])


def _threshold(pattern: str) -> str:
    families = f'max by (account, __name__) ({{__name__=~"openrouter_threshold_{pattern}", {ACCOUNT}}})'
    named = f'label_replace({families}, "threshold", "$1", "__name__", "openrouter_threshold_(.+)")'
    return f"max by (account, threshold) ({named})"
