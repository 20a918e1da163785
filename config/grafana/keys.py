"""Keys and their limits, the calling key's budgets, and the thresholds that alerts go by."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard as Builder
from grafana_foundation_sdk.builders.dashboard import Row

from config.grafana.panels import RED, YELLOW, About, Query, figure, ranking, thresholds
from config.grafana.queries import once
from config.grafana.tables import Column, joined

KEY = "account, key"
NO_KEYS = "No keys: is the collector keys enabled, and the account's key a management key?"
NO_BUDGETS = "The account's key has no budget of this kind."
HIDDEN = {"custom.hidden": True}
THRESHOLDS = (
    ("Budget spent", "budget_ratio", "percentunit"),
    ("Day over 7-day mean", "spend_ratio", "none"),
    ("Spend floor", "spend_floor_usd", "currencyUSD"),
    ("Model's share up by", "model_share_increase_ratio", "percentunit"),
    ("Requests floor", "requests_floor", "locale"),
    ("Age of data", "data_age_seconds", "s"),
    ("Credit floor", "credits_floor_usd", "currencyUSD"),
    ("Credit lasts", "credits_left_seconds", "s"),
    ("Key's limit used", "key_limit_ratio", "percentunit"),
    ("Key over its week", "key_spend_ratio", "none"),
    ("Key asleep for", "key_asleep_seconds", "s"),
    ("Key expires in", "key_expiry_seconds", "s"),
    ("Today over usual", "today_ratio", "none"),
    ("Latency over its day", "latency_ratio", "none"),
)


def rows(builder: Builder) -> None:
    """Add the rows to the dashboard."""
    _keys(builder)
    _calling_key(builder)
    _thresholds(builder)


def _of_key(measure: str, labels: str = KEY) -> str:
    return once(f"openrouter_key_{measure}", labels)


def _used() -> str:
    return f"{_of_key('limit_used_usd')} / ({_of_key('limit_usd')} > 0)"


def _keys(builder: Builder) -> None:
    builder.with_row(Row("Keys"))
    # A key that has just been renamed has two names until the next scrape: one is enough.
    name = f"topk by ({KEY}) (1, {once('openrouter_key_info', f'{KEY}, name')})"
    about = About(
        title="Limits used most",
        description="Used share of each key's limit, since the limit's last reset: the 10 nearest to it. "
        "At 100 % OpenRouter refuses the key. Alerts go by thresholds.key_limit_ratio.",
        unit="percentunit",
        empty=f"No key with a limit. {NO_KEYS}",
    )
    used = Query(f"topk(10, {_used()}) * on ({KEY}) group_left (name) {name}", "{{name}}")
    colours = thresholds((0.75, YELLOW), (0.9, RED))
    builder.with_panel(ranking(about, used, width=8, height=11).max(1).thresholds(colours))
    about = About(
        title="All keys",
        description="What each key spent (own keys apart), its limit, and when it expires and was used last. "
        "Empty cells: no limit, no expiry, never used. 'other' is what the exporter folded.",
        unit="none",
        empty=NO_KEYS,
    )
    labels = {
        "account": "Account",
        "name": "Name",
        "workspace": "Workspace",
        "key": "Key",
        "limit_reset": "Limit resets",
    }
    columns = (
        Column("Month", _of_key("usage_month_usd"), "currencyUSD"),
        Column("Week", _of_key("usage_week_usd"), "currencyUSD"),
        Column("Today", _of_key("usage_today_usd"), "currencyUSD"),
        Column("Own keys, month", _of_key("byok_usage_month_usd"), "currencyUSD"),
        Column("Limit", _of_key("limit_usd"), "currencyUSD"),
        Column("Used", _used(), "percentunit"),
        Column("Left", _of_key("limit_remaining_usd"), "currencyUSD"),
        Column("Expires", f"{_of_key('expires_timestamp_seconds')} * 1000", "dateTimeFromNow"),
        Column("Last used", f"{_of_key('last_used_timestamp_seconds')} * 1000", "dateTimeFromNow"),
        Column("Disabled", _of_key("disabled"), "bool_yes_no"),
        Column("Info", _of_key("info", f"{KEY}, name, workspace, limit_reset"), "none", HIDDEN),
    )
    builder.with_panel(joined(about, labels, columns, width=16))


def _calling_key(builder: Builder) -> None:
    builder.with_row(Row("The key that the exporter calls with"))
    budgets = ("budget_spend_usd", "budget_limit_usd", "budget_remaining_usd")
    by = "account, scope, budget_id"
    about = About(
        title="Budgets",
        description="The budgets that hold for the account's key: of a workspace, a member or the key itself.",
        unit="currencyUSD",
        empty=NO_BUDGETS,
    )
    resets = once("openrouter_calling_key_budget_resets_timestamp_seconds", by)
    columns = (
        *(
            Column(title, once(f"openrouter_calling_key_{measure}", by), "currencyUSD")
            for title, measure in zip(("Spent", "Limit", "Left"), budgets, strict=True)
        ),
        Column("Resets", f"{resets} * 1000", "dateTimeFromNow"),
    )
    labels = {"account": "Account", "scope": "Scope", "budget_id": "Budget"}
    builder.with_panel(joined(about, labels, columns, width=12, height=6))
    about = About(
        title="Effective budget left",
        description="What is left of the tightest of these budgets, of the account that has least.",
        unit="currencyUSD",
        empty=NO_BUDGETS,
    )
    left = once("openrouter_calling_key_effective_budget_remaining_usd", "account")
    builder.with_panel(figure(about, Query(f"min({left})", "Left"), height=6))
    about = About(
        title="Free models: requests used",
        description="Requests to free models by the day's quota, per account.",
        unit="percentunit",
        empty="No quota: is the collector key enabled?",
    )
    used = once("openrouter_free_model_requests_used", "account")
    quota = once("openrouter_free_model_requests_limit", "account")
    colours = thresholds((0.8, YELLOW), (1, RED), base="text")
    panel = figure(about, Query(f"{used} / on (account) ({quota} > 0)", "{{account}}"), height=6)
    builder.with_panel(panel.thresholds(colours))
    about = About(
        title="Key expires",
        description="When the account's own key expires, the first of them; the exporter is refused from then on.",
        unit="dateTimeFromNow",
        empty="Never, or not known.",
    )
    expiry = once("openrouter_calling_key_expiry_timestamp_seconds", "account")
    builder.with_panel(figure(about, Query(f"min({expiry}) * 1000", "Expires"), height=6))


def _thresholds(builder: Builder) -> None:
    builder.with_row(Row("Alert thresholds in force"))
    about = About(
        title="Thresholds",
        description="What alerts compare with, per account, as the exporter's configuration says under thresholds. "
        "An empty cell: that alert is off.",
        unit="none",
        empty="No thresholds: has the exporter been scraped?",
    )
    columns = [Column(title, once(f"openrouter_threshold_{key}", "account"), unit) for title, key, unit in THRESHOLDS]
    builder.with_panel(joined(about, {"account": "Account"}, columns, height=6))
