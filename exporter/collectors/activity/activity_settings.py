"""Settings of the collector `activity`."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Annotated, Literal, get_args

from exporter.config.allocation_settings import Dimension
from exporter.config.collector_settings import CollectorSettings, Enabled, Interval, StaleAfter
from exporter.config.expression_cost import LONGEST_NAME, bounded_expression
from exporter.config.fields import Conflict, ListOf, Settings
from exporter.config.units import format_duration
from exporter.config.value_types import DAY, choice, duration, matching, text, whole_number

Label = Literal["model", "provider", "endpoint_id"]
MemberLabel = Literal["name", "email", "role"]

KEY_HASH = matching("a key's hash: 64 hexadecimal digits, in quotes", "[0-9a-fA-F]{64}")
UUID = matching(
    "a UUID such as 123e4567-e89b-12d3-a456-426614174000", "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
)
WINDOW = matching("1d to 30d, or month_to_date", "([1-9]d|[12][0-9]d|30d|month_to_date)")


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityFilters(Settings):
    """The part of the usage that `GET /activity` returns; without any, all of it."""

    api_key_hash: Annotated[str | None, KEY_HASH, "Only what one key used, named by its hash."] = None
    user_id: Annotated[str | None, text(), "Only what one member of the organization used."] = None
    workspace_id: Annotated[str | None, UUID, "Only what one workspace used."] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivitySettings(CollectorSettings):
    """The collector of `GET /activity`.

    `stale_after` is infinite for "never"; `windows` are `Nd` or `month_to_date`.
    """

    enabled: Enabled = True
    interval: Interval = 900.0
    stale_after: StaleAfter = DAY
    settle_delay: Annotated[
        float, duration(minimum=0, below=DAY), "After UTC midnight, before yesterday counts as complete."
    ] = 1800.0
    empty_day_after: Annotated[
        float,
        duration(minimum=0, maximum=DAY),
        "After UTC midnight, before a yesterday without any row is believed to be a day without use.",
    ] = 10800.0
    windows: Annotated[
        tuple[str, ...],
        ListOf(item=WINDOW, example="[7d, 30d]", unique=True),
        "Sums to offer beside the latest day; `1d` to `30d`, or `month_to_date`. May be empty.",
    ] = ("7d", "30d", "month_to_date")
    filters: ActivityFilters = ActivityFilters()
    split_by: Annotated[
        Literal["none", "workspace", "api_key", "member"],
        "Adds a label: `workspace_id`, `key` or `user_id`. The last two cost one request for each key or member.",
    ] = "none"
    member_labels: Annotated[
        tuple[MemberLabel, ...],
        ListOf(item=choice(*get_args(MemberLabel)), example="[name, role]", unique=True),
        "With `split_by: member`, the labels of `openrouter_member_info` beside `user_id`. May be empty.",
    ] = ("name",)
    include: Annotated[
        tuple[re.Pattern[str], ...],
        ListOf(item=bounded_expression(), example='["openai/.*"]'),
        "Models to show, by regular expressions that match the whole name; empty is all.",
    ] = ()
    exclude: Annotated[
        tuple[re.Pattern[str], ...],
        ListOf(item=bounded_expression(), example='[".*:free"]'),
        "Models to leave out, by regular expressions that match the whole name; wins over `include`.",
    ] = ()
    drop_labels: Annotated[
        tuple[Label, ...],
        ListOf(item=choice(*get_args(Label)), example="[provider, endpoint_id]", unique=True),
        "Labels to do without; series are summed over them.",
    ] = ()
    max_endpoints: Annotated[
        int,
        whole_number(minimum=1, maximum=1_000_000),
        "The smallest beyond this many are folded into `other`; totals stay right.",
    ] = 5000

    def takes(self, model: str) -> bool:
        """Return whether a model is shown. Only the beginning of a name longer than LONGEST_NAME is compared."""
        name = model[:LONGEST_NAME]
        included = not self.include or any(pattern.fullmatch(name) for pattern in self.include)
        return included and not any(pattern.fullmatch(name) for pattern in self.exclude)

    @property
    def named_parts(self) -> Collection[Dimension]:
        """The parts of a split."""
        parts: dict[str, tuple[Dimension, ...]] = {"workspace": ("workspace",), "member": ("member",)}
        return parts.get(self.split_by, ())

    def conflicts(self) -> tuple[Conflict, ...]:
        """Report an empty_day_after below settle_delay, and a split of usage that is filtered to a single part."""
        conflicts = list(CollectorSettings.conflicts(self))  # super() is none in a class with slots
        if self.empty_day_after < self.settle_delay:
            empty, settle = format_duration(self.empty_day_after), format_duration(self.settle_delay)
            message = (
                f"empty_day_after ({empty}) is shorter than settle_delay ({settle}): an unsettled day is never empty"
            )
            conflicts.append(Conflict(("empty_day_after", "settle_delay"), message))
        only = {"api_key": "api_key_hash", "member": "user_id"}.get(self.split_by)
        if only is not None and getattr(self.filters, only) is not None:
            message = f"split_by: {self.split_by} and filters.{only} exclude each other: there is nothing to split"
            conflicts.append(Conflict(("split_by", "filters"), message))
        return tuple(conflicts)
