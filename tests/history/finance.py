"""Files for finance made from responses without a network, and the totals of the same responses as decimals."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections.abc import Iterable, Sequence
from decimal import Context, Decimal, Inexact
from functools import reduce
from typing import Any, cast

from exporter.api.client import Client
from exporter.commands.export import FORMATS
from exporter.config.catalogue_settings import CatalogueSettings
from exporter.history.account_source import AccountSource, WantedDays
from exporter.history.list_prices import ListPrices
from exporter.history.output import Output
from exporter.history.progress import Progress
from exporter.options import Options
from tests.collectors.helpers import FIELDS, FixedClient, body, response_of
from tests.collectors.split_api import SplitApi
from tests.history.harness import account
from tests.support import FakeClock

EXACT = Context(prec=1000, traps=[Inexact])

Rows = Sequence[dict[str, Any]]


class Written:
    """An output in memory."""

    def __init__(self) -> None:
        self.content = bytearray()

    @property
    def written(self) -> int:
        return len(self.content)

    def write(self, content: bytes) -> None:
        self.content += content


def export(api: SplitApi, *, options: Options, models: Rows | None = None, **activity: Any) -> bytes:
    """Return the file of one account. `models` are the rows of the catalogue, which is disabled without them."""
    clock, written = FakeClock(api.now, self_moving=True), Written()
    output = cast("Output", written)
    source = AccountSource(
        account=account(**activity),
        client=cast("Client", api),
        clock=clock,
        longest_poll=300.0,
        prices=ListPrices(
            settings=CatalogueSettings(enabled=models is not None),
            client=cast("Client", FixedClient(response_of(list(models or ())))),
            clock=clock,
            longest_poll=300.0,
        ),
        wanted=WantedDays(),
        progress=Progress(io.StringIO(), output, 1, clock),
    )
    file = FORMATS[options.export_format].make(options, output, source.account.allocations.labels, clock)

    async def write() -> None:
        await file.write(source)
        file.end()

    asyncio.run(write())
    return bytes(written.content)


def csv_rows(content: bytes) -> list[dict[str, str]]:
    """Parse a file strictly."""
    return list(csv.DictReader(io.StringIO(content.decode(), newline=""), strict=True))


def csv_of(uses: Rows, *, by: str = "day", **activity: Any) -> list[dict[str, str]]:
    """Return the rows of a file made from one response."""
    options = Options(command="export", export_format="csv", export_period=by)
    return csv_rows(export(SplitApi([], [], wholes=[list(uses)]), options=options, **activity))


def focus_of(uses: Rows, *, models: Rows | None = None, **activity: Any) -> list[dict[str, str]]:
    """Return the charges of a file made from one response of usage and one of the catalogue."""
    options = Options(command="export", export_format="focus")
    return csv_rows(export(SplitApi([], [], wholes=[list(uses)]), options=options, models=models, **activity))


def model(slug: str = "acme/one", **pricing: str) -> dict[str, Any]:
    """Return a row of the catalogue."""
    return {"id": slug, "canonical_slug": f"{slug}-2026", "name": slug, "pricing": pricing}


def decimal_sum(numbers: Iterable[str | Decimal]) -> Decimal:
    """Return an exact sum."""
    return reduce(EXACT.add, map(Decimal, numbers), Decimal(0))


def totals_of_api(content: bytes) -> dict[str, Decimal]:
    """Return the totals of the text of a `GET /activity` response, by the names of the file's columns."""
    rows = json.loads(content, parse_float=Decimal, parse_int=Decimal)["data"]
    return {name: decimal_sum(row[field] for row in rows) for name, field in FIELDS.items()}


def totals_of_file(rows: Iterable[dict[str, str]]) -> dict[str, Decimal]:
    """Return the totals of the file's columns."""
    rows = list(rows)
    return {name: decimal_sum(row[name] for row in rows) for name in FIELDS}


def totals_of(uses: Rows) -> dict[str, Decimal]:
    return totals_of_api(body(uses))
