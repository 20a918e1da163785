"""What is configured about `GET /credits`, `GET /keys` and `GET /key`: what is left, and of which key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from exporter.config.collector_settings import CollectorSettings, Enabled, Interval, StaleAfter
from exporter.config.value_types import whole_number

MINUTE = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditsSettings(CollectorSettings):
    """The collector of `GET /credits`: what was bought, used and is left."""

    enabled: Enabled = True
    interval: Interval = MINUTE
    stale_after: StaleAfter = 15 * MINUTE


@dataclass(frozen=True, slots=True, kw_only=True)
class KeysSettings(CollectorSettings):
    """The collector of `GET /keys`: what each key used, and its limit."""

    enabled: Enabled = True
    interval: Interval = 5 * MINUTE
    stale_after: StaleAfter = 60 * MINUTE
    include_disabled: Annotated[bool, "Whether keys that are disabled are shown too."] = True
    include_expired: Annotated[
        bool, "Whether keys that have expired are shown too, until they are deleted; as a rule they pile up."
    ] = False
    show_creator: Annotated[
        bool, "Whether `openrouter_key_info` has the label `creator_user_id`, which names a person."
    ] = False
    max_keys: Annotated[
        int,
        whole_number(minimum=1, maximum=1_000_000),
        "The keys that spent least beyond this many are folded into `other`; totals stay right.",
    ] = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class CallingKeySettings(CollectorSettings):
    """The collector of `GET /key`: the budgets and quotas of the account's own key."""

    enabled: Enabled = True
    interval: Interval = 5 * MINUTE
    stale_after: StaleAfter = 60 * MINUTE
