"""`--format=csv`: the rows of `GET /activity` for finance, by day or by month."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from exporter.clock import Clock
from exporter.collectors.activity.usage_table import KEY_LABELS
from exporter.collectors.allocation import PartLabels
from exporter.collectors.measures import MEASURES
from exporter.history.account_source import AccountSource, wanted_days
from exporter.history.daily_usage import EndpointUsage, by_month, endpoint_usage
from exporter.history.history_format import HistoryFormat
from exporter.history.output import Output
from exporter.history.table_file import TableFile
from exporter.options import Options

# The same with any configuration: a label that usage is not split by is empty. The labels of `allocations.labels`
# follow.
COLUMNS = (
    "account",
    "first_day",
    "last_day",
    KEY_LABELS[0],
    "model_permaslug",
    *KEY_LABELS[1:],
    "spend_usd",
    *MEASURES,
)


class UsageTable(HistoryFormat):
    """Writes the usage of one account after another, below one line with the columns' names."""

    def __init__(self, options: Options, output: Output, labels: Sequence[str], _clock: Clock) -> None:
        self._monthly = options.export_period == "month"
        self._file = TableFile(output, (*COLUMNS, *labels))

    async def write(self, source: AccountSource) -> None:
        """Write an account's usage. Raises PollError, ExportError and OSError."""
        usage = await source.exact_activity()
        days = wanted_days(source.wanted, usage)
        periods = by_month(days) if self._monthly else [[day] for day in days]
        labels = PartLabels(source.account, usage.subjects)
        async for row in endpoint_usage(source.pause, usage, periods):
            self._file.add([*_values(source.account.name, row), *labels.of(row.labels).values()])
            source.progress.day(row.last_day, days[-1])


def _values(account: str, row: EndpointUsage) -> list[str | Decimal | None]:
    model, *others = (row.labels.get(label, "") for label in KEY_LABELS)
    days = (row.first_day.isoformat(), row.last_day.isoformat())
    return [account, *days, model, row.permaslug, *others, row.spend, *row.numbers]
