"""The dashboard Who spends: by team, key, app and end user; the largest of each, and all others as `other`."""

from __future__ import annotations

from dataclasses import dataclass

from grafana_foundation_sdk.models.dashboard import Dashboard

from config.grafana.analytics import result_of
from config.grafana.frame import finished, frame, row
from config.grafana.panels import About, AnyPanel
from config.grafana.queries import share_of_total
from config.grafana.tables import Column, dollars, joined, percent
from config.grafana.teams import teams


@dataclass(frozen=True)
class Spender:
    """What spends: its titles, the preset that has it, the label of its name, and a note."""

    title: str
    name: str
    preset: str
    label: str
    note: str

    def of(self, metric: str, range_: str) -> str:
        """Return a metric today or this month."""
        return result_of(metric, f"{self.preset}_{range_}", f"account, {self.label}")


SPENDERS = (
    Spender("Keys", "Key", "keys", "api_key_id", "Keys with the same name are one row."),
    Spender("Apps", "App", "apps", "app", "Unknown is requests without a title or origin."),
    Spender("End users", "End user", "users", "external_user", "As identified by your requests."),
)


def dashboard() -> Dashboard:
    """Return the dashboard."""
    return finished(
        frame(
            "openrouter-spenders",
            "OpenRouter / Who spends",
            "Spend by team, key, app and end user, today and this month.",
            since="now-7d",
        ),
        teams(),
        *(row(spender.title, _table(spender)) for spender in SPENDERS),
    )


def _table(spender: Spender) -> AnyPanel:
    about = About(
        spender.title,
        f"{spender.note} The row other is the sum of all beyond the 100 largest, so rows add up to the total.",
        "short",
        f"No data: is the preset {spender.preset} of the collector analytics configured?",
    )
    spend = spender.of("total_usage_usd", "month")
    columns = (
        dollars("This month", spend, 120),
        percent("Share", share_of_total(spend, f"sum({spend})"), 90),
        dollars("Today", spender.of("total_usage_usd", "today")),
        Column("Requests", spender.of("requests", "month"), "locale", 120),
        Column("Tokens", spender.of("tokens", "month"), "locale", 130),
    )
    return joined(about, {"account": ("Account", 120), spender.label: (spender.name, 350)}, columns)
