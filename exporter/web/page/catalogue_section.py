"""The public catalogue on the landing page: models in use that are retired soon, and the state of its collectors."""

from __future__ import annotations

from datetime import UTC, timedelta

from exporter.status import Retirement, Status
from exporter.web.page.collector_card import card
from exporter.web.page.formatting import count, isolated

NOTICE = timedelta(days=14)  # the default of the threshold model_retirement
MOST_NAMED = 10


def retiring_models(status: Status) -> list[Retirement]:
    """Return the models in use that are retired within the notice, the earliest first."""
    last = (status.now.astimezone(UTC) + NOTICE).date()
    return [model for collector in status.catalogue for model in collector.retirements if model.day <= last]


def retirement_line(status: Status) -> str:
    """Return a line about models in use that are retired soon, nothing if there are none."""
    models = retiring_models(status)
    if not models:
        return ""
    today = status.now.astimezone(UTC).date()
    named = ", ".join(
        f"{isolated(model.model)} ({'since ' if model.day < today else ''}{model.day})" for model in models[:MOST_NAMED]
    )
    more = f", and {len(models) - MOST_NAMED} more" if len(models) > MOST_NAMED else ""
    verb = "retires" if len(models) == 1 else "retire"
    head = f"{count(len(models), 'model')} in use {verb} within {NOTICE.days} days:"
    return f'<section class="error"><b>{head}</b> {named}{more}.</section>'


def catalogue_section(status: Status) -> str:
    """Return the cards of the catalogue's collectors, nothing if it is disabled."""
    if not status.catalogue:
        return ""
    cards = "".join(card(collector, status.now, with_chart=False) for collector in status.catalogue)
    return f'<section><h2>Public catalogue</h2><div class="cards">{cards}</div></section>'
