"""`--format=focus`: charges as FOCUS 1.2 has them, the FinOps foundation's format of cost and usage."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

from exporter.clock import Clock
from exporter.collectors.activity.model_usage import used_models
from exporter.collectors.allocation import PartLabels
from exporter.collectors.days import DAY, midnight
from exporter.collectors.measures import MEASURES
from exporter.errors import UsageError
from exporter.history.account_source import AccountSource, wanted_days
from exporter.history.charges import Charge, charges
from exporter.history.daily_usage import EndpointUsage, endpoint_usage
from exporter.history.history_format import HistoryFormat
from exporter.history.output import Output
from exporter.history.table_file import TableFile, decimal_text
from exporter.options import Options

ISSUER = "OpenRouter"
KEY_TAG, MEMBER_TAG = "openrouter/key", "openrouter/user_id"

Value = str | Decimal | None


@dataclass(frozen=True, slots=True)
class _Account:
    """The values that all charges of an account share."""

    name: str
    workspaces: Mapping[str, str]
    tags: Mapping[str, str]
    labels: PartLabels
    read_at: str


@dataclass(frozen=True, slots=True)
class _Line:
    """A charge and the usage it is part of. Counts of the endpoint are in its first line only, so sums are right."""

    account: _Account
    usage: EndpointUsage
    charge: Charge
    is_first: bool

    def label(self, name: str) -> str:
        return self.usage.labels.get(name, "")

    def once(self, measure: str) -> Value:
        return self.usage.numbers[MEASURES.index(measure)] if self.is_first else None


class FocusTable(HistoryFormat):
    """Writes the charges of one account after another, below one line with the columns' names.

    Raise UsageError for a label of the command that is one of the configuration, too.
    """

    def __init__(self, options: Options, output: Output, labels: Sequence[str], clock: Clock) -> None:
        self._tags = dict(options.labels)
        for label in labels:
            if label in self._tags:
                raise UsageError(f"--label {label}: allocations.labels has a label with this name")
        # The same for an hour, so that the same call writes the same bytes.
        self._read_at = _time(clock.now().astimezone(UTC).replace(minute=0, second=0, microsecond=0))
        self._file = TableFile(output, _COLUMNS, _with_point)

    async def write(self, source: AccountSource) -> None:
        """Write an account's charges. Raises PollError, CatalogueError, ExportError and OSError."""
        usage = await source.exact_activity()
        days = wanted_days(source.wanted, usage)
        prices = await source.prices.of(
            await used_models(source.pause, usage.table, usage.table.shape.labels, None, None)
        )
        names = {workspace.id: workspace.name or workspace.id for workspace in usage.workspaces}
        labels = PartLabels(source.account, usage.subjects)
        account = _Account(source.account.name, names, self._tags, labels, self._read_at)
        async for row in endpoint_usage(source.pause, usage, [[day] for day in days]):
            for number, charge in enumerate(charges(row, prices.get(row.labels["model"]))):
                line = _Line(account, row, charge, is_first=number == 0)
                self._file.add(value(line) for value in _COLUMNS.values())
            source.progress.day(row.last_day, days[-1])


def _with_point(number: Decimal) -> str:
    """Return a number with a point, because readers of CSV take a column without one for integers."""
    text = decimal_text(number)
    return text if "." in text else f"{text}.0"


def _description(line: _Line) -> str:
    provider = line.label("provider")
    return f"{line.charge.meter} of {line.label('model')}{f' by {provider}' if provider else ''}"


def _sku(line: _Line) -> str:
    return f"{line.label('model')}#{line.charge.meter.lower().replace(' ', '_')}"


def _sub_account(line: _Line) -> str:
    return line.label("workspace_id") or line.account.name


def _tags(line: _Line) -> str | None:
    """Return tags as JSON: those of OpenRouter have a prefix, as FOCUS requires, and those of the user have none."""
    own = {KEY_TAG: line.label("key"), MEMBER_TAG: line.label("user_id")}
    labels = line.account.labels.of(line.usage.labels)
    tags = {**line.account.tags, **labels, **{name: value for name, value in own.items() if value}}
    return json.dumps(tags, ensure_ascii=False, sort_keys=True) if tags else None


def _month(day: date) -> datetime:
    return midnight(day.replace(day=1))


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


_COLUMNS: Mapping[str, Callable[[_Line], Value]] = {
    "BilledCost": lambda line: line.charge.cost,
    "BillingAccountId": lambda line: line.account.name,
    "BillingAccountName": lambda line: line.account.name,
    "BillingAccountType": lambda _: "Account",
    "BillingCurrency": lambda _: "USD",
    "BillingPeriodEnd": lambda line: _time(_month(line.usage.first_day.replace(day=1) + 31 * DAY)),
    "BillingPeriodStart": lambda line: _time(_month(line.usage.first_day)),
    "ChargeCategory": lambda _: "Usage",
    "ChargeClass": lambda _: None,
    "ChargeDescription": _description,
    "ChargeFrequency": lambda _: "Usage-Based",
    "ChargePeriodEnd": lambda line: _time(midnight(line.usage.last_day + DAY)),
    "ChargePeriodStart": lambda line: _time(midnight(line.usage.first_day)),
    "CommitmentDiscountStatus": lambda _: None,  # conditions of other columns read it
    "ConsumedQuantity": lambda line: line.charge.quantity,
    "ConsumedUnit": lambda line: line.charge.unit,
    "ContractedCost": lambda line: line.charge.cost,
    "EffectiveCost": lambda line: line.charge.cost,
    "InvoiceId": lambda _: None,
    "InvoiceIssuerName": lambda _: ISSUER,
    "ListCost": lambda line: line.charge.list_cost,
    "ListUnitPrice": lambda line: line.charge.price,
    "PricingCategory": lambda _: "Standard",
    "PricingCurrency": lambda _: "USD",
    "PricingCurrencyContractedUnitPrice": lambda _: None,
    "PricingCurrencyEffectiveCost": lambda line: line.charge.cost,
    "PricingCurrencyListUnitPrice": lambda line: line.charge.price,
    "PricingQuantity": lambda line: line.charge.quantity,
    "PricingUnit": lambda line: line.charge.unit,
    "ProviderName": lambda _: ISSUER,
    "PublisherName": lambda line: line.label("provider") or ISSUER,
    "ServiceCategory": lambda _: "AI and Machine Learning",
    "ServiceName": lambda _: ISSUER,
    "ServiceSubcategory": lambda _: "Generative AI",
    "SkuId": _sku,
    "SkuMeter": lambda line: line.charge.meter,
    "SkuPriceDetails": lambda _: None,
    "SkuPriceId": _sku,
    "SubAccountId": _sub_account,
    "SubAccountName": lambda line: line.account.workspaces.get(_sub_account(line), _sub_account(line)),
    "SubAccountType": lambda line: "Workspace" if line.label("workspace_id") else "Account",
    "Tags": _tags,
    "x_CachedTokens": lambda line: line.once("cached_tokens"),
    "x_CompletionTokens": lambda line: line.once("completion_tokens"),
    "x_CostIsDivided": lambda line: "false" if line.charge.price is None else "true",
    "x_EndpointId": lambda line: line.label("endpoint_id"),
    "x_Model": lambda line: line.label("model"),
    "x_ModelPermaslug": lambda line: line.usage.permaslug,
    "x_OwnKeyCost": lambda line: line.once("byok_usage_usd"),
    "x_OwnKeyRequests": lambda line: line.once("byok_requests"),
    "x_PromptTokens": lambda line: line.once("prompt_tokens"),
    "x_ReadAt": lambda line: line.account.read_at,
    "x_ReasoningTokens": lambda line: line.once("reasoning_tokens"),
    "x_Requests": lambda line: line.once("requests"),
}
