"""Which models an account uses. The catalogue is read for these."""

from __future__ import annotations

import re
from typing import Any

from exporter.collectors.used_models import MOST_MODELS, ModelUse, merged_uses, model_uses
from tests.collectors.helpers import ago, collect, row

MONTH = [row(ago(days), model="acme/steady", model_permaslug="acme/steady-1", usage=0.1) for days in range(1, 31)]


def used(*rows: Any, **settings: Any) -> list[tuple[str, str]]:
    """Return the name and the permaslug of each model in use, in order."""
    return [(use.model, use.permaslug) for use in collect(rows, **settings).collected.summary.used_models]


def test_used_models_of_30_days_are_ordered_by_spend() -> None:
    """Endpoints of a model are one entry with the latest permaslug, and BYOK usage counts."""
    rows = [
        row(ago(5), "e1", model="acme/big", model_permaslug="acme/big-1", usage=50.0),
        row(ago(2), "e2", model="acme/big", model_permaslug="acme/big-2", usage=50.0),
        row(ago(3), "e3", model="acme/own", model_permaslug="acme/own-1", usage=0.0, byok_usage_inference=95.0),
    ]
    assert used(*MONTH, *rows) == [
        ("acme/big", "acme/big-2"),
        ("acme/own", "acme/own-1"),
        ("acme/steady", "acme/steady-1"),
    ]


def test_used_models_have_their_spend_and_requests() -> None:
    uses = collect([*MONTH, row(ago(5), model="acme/big", usage=5.0, requests=7)]).collected.summary.used_models
    assert [5.0 + 2.0, 30 * 2.1] == sorted(round(use.usd, 6) for use in uses)
    assert [7.0, 90.0] == sorted(use.requests for use in uses)


def test_model_with_unknown_requests_is_in_use() -> None:
    assert ("acme/odd", "acme/odd-1") in used(
        *MONTH, row(ago(5), "e9", model="acme/odd", model_permaslug="acme/odd-1", requests=...)
    )


def test_no_model_is_in_use_without_the_label_model() -> None:
    assert [] == used(*MONTH, drop_labels=("model",))


def test_excluded_models_are_not_in_use() -> None:
    assert [] == used(*MONTH, exclude=(re.compile("acme/.*"),))


def test_models_are_ordered_by_spend_requests_and_name() -> None:
    """An unknown amount counts as 0."""
    names = {"b": "", "a": "", "c": "", "d": "", "": "x"}
    usd, requests = {"c": 1.0, "a": float("nan")}, {"d": 5.0, "a": 1.0, "b": 1.0}
    assert ["c", "d", "a", "b"] == [use.model for use in model_uses(names, usd, requests)]


def test_number_of_models_in_use_is_limited() -> None:
    names = {f"acme/{number}": "" for number in range(MOST_MODELS + 5)}
    assert MOST_MODELS == len(model_uses(names, {}, {}))


def test_models_of_several_accounts_are_summed() -> None:
    one = (ModelUse("a", "a-1", 1.0, 1.0), ModelUse("b", "", 2.0, 1.0))
    other = (ModelUse("a", "a-2", 4.0, 1.0),)
    assert merged_uses([one, other]) == (ModelUse("a", "a-2", 5.0, 2.0), ModelUse("b", "", 2.0, 1.0))
