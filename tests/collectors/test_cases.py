"""Small responses that earlier versions misread, with the correct values."""

from __future__ import annotations

import math

import pytest

from exporter.collectors.activity.activity_collector import ActivityCollector
from exporter.collectors.activity.activity_settings import ActivitySettings
from exporter.collectors.calling_key import CallingKeyCollector, CallingKeySettings
from exporter.collectors.credits import CreditsCollector, CreditsSettings
from exporter.collectors.keys import KeysCollector, KeysSettings
from exporter.errors import InvalidResponse
from tests.collectors.balances import FakeApi, account, always, polled
from tests.collectors.helpers import YESTERDAY, Polled, poll, response_of
from tests.docs.pages import ROOT

CASES = ROOT.parent / "shared/cases"
pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason="the cases are not part of a source distribution")


def case(name: str) -> bytes:
    """Return the body of a case."""
    return (CASES / f"{name}.json").read_bytes().replace(b"<YESTERDAY>", str(YESTERDAY).encode())


def activity(name: str) -> Polled:
    """Poll activity with the body of a case."""
    return poll(ActivityCollector("default", ActivitySettings()), response_of(case(name)))


def test_rows_with_unreadable_fields_keep_their_usage() -> None:
    result = activity("01-activity-secondary-field")
    assert ({}, 6.5) == (result.rejected, math.fsum(result.shown["usage_usd"].values()))
    fields = {"cached_tokens": 1, "workspace_id": 1, "provider_name": 1}
    assert fields == dict(result.rejections.unreadable)


def test_negative_usage_and_limits_of_minus_1_reject_no_key() -> None:
    result = polled(KeysCollector("default", KeysSettings()), account(always(case("03-keys-negative-or-minus-one"))))
    assert {} == result.rejected
    assert [-0.25, 1.0, 1.0] == list(result.shown["openrouter_key_usage_today_usd"].values())
    assert {} == result.shown["openrouter_key_limit_usd"]


def test_negative_usage_increases_the_balance() -> None:
    api = FakeApi({"/credits": always(case("04-credits-negative-usage"))})
    result = polled(CreditsCollector("default", CreditsSettings()), api)
    assert {(): 10.5} == result.shown["openrouter_credits_balance_usd"]


def test_text_as_the_free_request_limit_affects_no_other_family() -> None:
    api = FakeApi({"/key": always(case("06-key-free-quota-text"))})
    result = polled(CallingKeyCollector("default", CallingKeySettings()), api)
    assert ({}, {"limit": 1}) == (result.rejected, dict(result.rejections.unreadable))
    assert {} == result.shown["openrouter_free_model_requests_limit"]
    assert {(): 3.0} == result.shown["openrouter_free_model_requests_used"]
    assert {(): 0.0} == result.shown["openrouter_calling_key_usage_usd"]


def test_partial_activity_response_fails() -> None:
    with pytest.raises(InvalidResponse, match="only a part of the rows"):
        activity("08-activity-more-pages")
