"""The dashboard Who spends: by team, key, app and end user; the largest of each, and all others as `other`."""

from __future__ import annotations

from dataclasses import dataclass

from grafana_foundation_sdk.builders.dashboard import Dashboard as Builder
from grafana_foundation_sdk.builders.dashboard import Row
from grafana_foundation_sdk.models.dashboard import Dashboard

from config.grafana import teams
from config.grafana.analytics import result_of
from config.grafana.frame import finished, frame
from config.grafana.panels import DOLLARS, About
from config.grafana.tables import CENTS, Column, joined


@dataclass(frozen=True)
class Spender:
    """What spends: its titles, the preset that has it, the label of its name, and a note."""

    title: str
    name: str
    preset: str
    label: str
    note: str

    @property
    def empty(self) -> str:
        """Why there may be no data."""
        return f"No data: is the preset {self.preset} of the collector analytics configured?"

    def of(self, metric: str, range_: str) -> str:
        """Return a metric today or this month."""
        return result_of(metric, f"{self.preset}_{range_}", f"account, {self.label}")


SPENDERS = (
    Spender("Keys", "Key", "keys", "api_key_id", "Keys with the same name are one row."),
    Spender("Apps", "App", "apps", "app", "Unknown is requests without a title or origin."),
    Spender("End users", "End user", "users", "external_user", "As identified by your requests."),
)


def spenders() -> Dashboard:
    """Return the dashboard."""
    builder = frame(
        "openrouter-spenders",
        "OpenRouter / Who spends",
        "Spend by team, key, app and end user, today and this month.",
        since="now-7d",
    )
    teams.rows(builder)
    for spender in SPENDERS:
        _table(builder, spender)
    return finished(builder)


def _table(builder: Builder, spender: Spender) -> None:
    builder.with_row(Row(spender.title))
    about = About(
        title=spender.title,
        description=f"{spender.note} The row other is the sum of all beyond the 100 largest, so rows add up to the "
        "total.",
        unit="short",
        empty=spender.empty,
    )
    spend = spender.of("total_usage_usd", "month")
    columns = (
        Column("This month", spend, DOLLARS, 120, CENTS),
        Column("Share", f"{spend} / on () group_left () (sum({spend}) > 0)", "percentunit", 90, {"decimals": 1}),
        Column("Today", spender.of("total_usage_usd", "today"), DOLLARS, 110, CENTS),
        Column("Requests", spender.of("requests", "month"), "locale", 120),
        Column("Tokens", spender.of("tokens", "month"), "locale", 130),
    )
    names = {"account": ("Account", 120), spender.label: (spender.name, 350)}
    builder.with_panel(joined(about, names, columns))
