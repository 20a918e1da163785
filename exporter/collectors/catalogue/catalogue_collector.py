"""`GET /models`: prices, retirement and context of the models that accounts use, from the public catalogue.

The catalogue has every model there is. Only those in use are published, and those that the configuration names, under
the name that the activity families have.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from exporter.api.model_rows import ModelDetails, ModelRow, model_details
from exporter.api.rejections import Rejections
from exporter.api.response import Response
from exporter.collectors.base import Collected, Collector, Poll, Summary
from exporter.collectors.catalogue.model_families import (
    CONTEXT_LENGTH,
    DISCOUNT,
    EXPIRATION,
    INFO,
    LISTED,
    MODEL_FAMILIES,
    OVERRIDES,
    PRICE,
)
from exporter.collectors.catalogue.model_list import LIST_MODELS, OPERATION, number_of, read_models
from exporter.collectors.common import families_of, family_of, info
from exporter.collectors.used_models import ModelUse
from exporter.config.catalogue_settings import CatalogueSettings
from exporter.config.expression_cost import LONGEST_NAME
from exporter.errors import InvalidResponse
from exporter.exposition.families import Family, MetricFamily, Snapshot
from exporter.status import Retirement

# A catalogue that lost more than this share of its models since the last poll was cut: that is not a mass retirement.
MOST_LOST = 0.2
# After a start there is no catalogue to compare with, so the models in use show whether it was cut. If it lacks
# at least this many of them, and more than the share above, another one at least half an hour later must confirm it.
FEWEST_MISSING, CONFIRMED_AFTER = 3, 1800.0
# What requests can add to a model's name without another listing.
_SUFFIXES_OF_REQUESTS = (":online", ":nitro", ":floor", ":exacto")

Models = Sequence[tuple[str, ModelRow | None]]  # the name to publish, and the row; None if the model is not listed


@dataclass(frozen=True, slots=True)
class LastCatalogue:
    """What a poll leaves for the next one: what it was made of, its size, and when it was read (monotonic seconds).

    `first_read_at` is when a catalogue was first read since the start.
    """

    digest: bytes
    uses: tuple[tuple[str, str], ...]
    size: int
    first_read_at: float
    read_at: float
    rejections: Rejections


class CatalogueCollector(Collector[CatalogueSettings]):
    """Reads the catalogue for all accounts together. `used` returns the models that they use, the most used first."""

    name = "catalogue"
    settings_type = CatalogueSettings
    title = "Models in use"
    resource = "GET /models"
    text = """\
Read once per process, without a key, so these families and the health of their collectors have no label `account`. They
cover models that an account used in its last 30 days, and those that match `catalogue.models`. `model` is the
name that `/activity` uses, and `openrouter_model_info` has the dated name of the analytics API beside it. Prices are
those of the catalogue: what you pay can differ because of promotions, long prompts, cache writes or the time of day.
"""
    requests = "1; 1 for each 1,000 models if the API returns a part"
    operations = (OPERATION,)
    rejection_reasons = ("missing_model",)

    def __init__(
        self, account: str, settings: CatalogueSettings, used: Callable[[], tuple[ModelUse, ...]] = lambda: ()
    ) -> None:
        super().__init__(account, settings)
        self._used = used

    @property
    def identity(self) -> object:
        """Return the settings that decide which data are published."""
        return self.settings.models

    def declarations(self) -> tuple[MetricFamily, ...]:
        """Return prices, dates and names of models."""
        return MODEL_FAMILIES

    async def collect(self, poll: Poll, memory: object) -> Collected:
        """Read the catalogue. The same bytes for the same models in use are only hashed."""
        last = memory if isinstance(memory, LastCatalogue) else None
        used = tuple((use.model, use.permaslug) for use in self._used())
        response = await poll.request(LIST_MODELS)
        now = poll.clock.monotonic()
        if last is not None and (response.digest, used) == (last.digest, last.uses):
            poll.rejections.update(last.rejections)
            return Collected(snapshot=None, memory=replace(last, read_at=now))
        listed, is_whole = await self._read(poll, response, last)
        models = await self._chosen(poll, listed, used)
        details = {}
        for name, model in models:
            await poll.pause()
            if model is not None:
                details[name] = model_details(model.row, poll.rejections.unreadable)
        first_read_at = now if last is None else last.first_read_at
        is_doubtful = now - first_read_at < CONFIRMED_AFTER and _lacks_many(models[: len(used)])
        # Of several responses, the first does not show whether the others changed.
        digest = response.digest if is_whole and not is_doubtful else b""
        return Collected(
            snapshot=Snapshot(_families(models, details, are_all=not (poll.rejections.missing or is_doubtful))),
            memory=LastCatalogue(digest, used, number_of(listed), first_read_at, now, poll.rejections),
            summary=Summary(
                retirements=_retirements(details, {name for name, _ in used}),
                listed_models=tuple((name, model.slug) for name, model in models[: len(used)] if model is not None),
            ),
        )

    async def _read(self, poll: Poll, response: Response, last: LastCatalogue | None) -> tuple[list[ModelRow], bool]:
        """Return all models, and whether they are those of this response alone.

        Raise InvalidResponse for a list that lost too many models to be true. It is believed once the last whole one
        is too old to be shown.
        """
        listed, is_whole = await read_models(poll, response, poll.rejections)
        with poll.reading(OPERATION):
            if not listed:
                raise InvalidResponse("not a catalogue: it lists no models")
            is_fresh = last is not None and poll.clock.monotonic() - last.read_at < self.settings.stale_after
            if last is not None and is_fresh and number_of(listed) < (1 - MOST_LOST) * last.size:
                raise InvalidResponse(
                    f"{number_of(listed)} models, but the previous catalogue had {last.size}: it was truncated"
                )
        return listed, is_whole

    async def _chosen(self, poll: Poll, listed: Iterable[ModelRow], used: Iterable[tuple[str, str]]) -> Models:
        """Return the models in use, the most used first, and then those that the configuration names."""
        by_slug: dict[str, ModelRow] = {}
        by_permaslug: dict[str, ModelRow] = {}
        for model in listed:
            await poll.pause()
            by_slug.setdefault(model.slug, model)
            if ":" not in model.slug and model.permaslug:
                by_permaslug.setdefault(model.permaslug, model)
        chosen: dict[str, ModelRow | None] = {
            name: _find(name, permaslug, by_slug, by_permaslug) for name, permaslug in used
        }
        for pattern in self.settings.models:
            for slug, model in by_slug.items():
                await poll.pause()
                if slug not in chosen and pattern.fullmatch(slug[:LONGEST_NAME]):
                    chosen[slug] = model
        return list(chosen.items())


def _find(
    name: str, permaslug: str, by_slug: Mapping[str, ModelRow], by_permaslug: Mapping[str, ModelRow]
) -> ModelRow | None:
    """Return the row of a model in use.

    A variant such as `:free` has a row of its own, or is not listed: the model without it costs something else.
    """
    base, colon, suffix = name.partition(":")
    if colon and colon + suffix in _SUFFIXES_OF_REQUESTS:
        return by_slug.get(name) or _find(base, permaslug, by_slug, by_permaslug)
    if colon or name in by_slug:
        return by_slug.get(name)
    return by_permaslug.get(name) or by_permaslug.get(permaslug)  # a model that was renamed keeps its dated name


def _lacks_many(models: Models) -> bool:
    """Return whether so many of the models in use are not listed that the catalogue may have been cut."""
    missing = sum(model is None for _, model in models)
    return missing >= FEWEST_MISSING and missing > MOST_LOST * len(models)


def _families(models: Models, details: Mapping[str, ModelDetails], *, are_all: bool) -> tuple[Family, ...]:
    """Return the families of models. Unless these `are_all`, whether another one is listed is not known."""
    prices = {
        (name, kind): price for name, described in details.items() for kind, price in described.pricing.prices.items()
    }
    rows = [
        (described.pricing.discount, described.pricing.overrides, described.retired_at, described.context_length)
        for described in details.values()
    ]
    is_listed = [1.0 if model is not None else 0.0 if are_all else None for _, model in models]
    return (
        family_of(PRICE, list(prices), prices.values()),
        *families_of((DISCOUNT, OVERRIDES, EXPIRATION, CONTEXT_LENGTH), [(name,) for name in details], rows),
        family_of(LISTED, [(name,) for name, _ in models], is_listed),
        info(INFO, [(name, model.permaslug, details[name].name) for name, model in models if model is not None]),
    )


def _retirements(details: Mapping[str, ModelDetails], used: set[str]) -> tuple[Retirement, ...]:
    """Return the models in use that have a date of retirement, the first to go first."""
    dated = [
        Retirement(name, datetime.fromtimestamp(described.retired_at, UTC).date())
        for name, described in details.items()
        if name in used and described.retired_at is not None
    ]
    return tuple(sorted(dated, key=lambda retirement: (retirement.day, retirement.model)))
