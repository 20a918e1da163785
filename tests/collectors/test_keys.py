"""API keys: spend, limits and names of each key, and which keys are folded."""

from __future__ import annotations

from typing import Any

from exporter.collectors.activity.activity_settings import ActivitySettings
from exporter.collectors.keys import KeysCollector, KeysSettings
from exporter.collectors.registry import configured
from exporter.config.configuration import Account
from exporter.config.secret import EnvironmentSecret
from tests.collectors import helpers
from tests.collectors.balances import FakeApi, account, counted, digest, key, pages, polled
from tests.collectors.helpers import Polled, at
from tests.collectors.key_polls import PREFIX, of, read, shown
from tests.exposition.helpers import rendered

USAGE = ("usage_usd", "usage_today_usd", "usage_week_usd", "usage_month_usd")


def test_usage_is_published_per_window_and_separately_for_byok() -> None:
    families = shown(read(key("a")))
    assert [families[name][of("a")] for name in USAGE] == [4.0, 1.0, 2.0, 3.0]
    assert [families[f"byok_{name}"][of("a")] for name in USAGE] == [0.4, 0.1, 0.2, 0.3]


def test_limit_used_is_limit_minus_remaining() -> None:
    """The lifetime usage of the key may be much more."""
    families = shown(read(key("a", usage=900.0, limit=50, limit_remaining=12.3, limit_reset="monthly")))
    assert [families[name][of("a")] for name in ("limit_usd", "limit_remaining_usd", "limit_used_usd")] == [
        50,
        12.3,
        37.7,
    ]


def test_remaining_limit_may_be_negative() -> None:
    families = shown(read(key("a", limit=50, limit_remaining=-1)))
    assert (families["limit_remaining_usd"][of("a")], families["limit_used_usd"][of("a")]) == (-1.0, 51.0)


def test_limit_of_0_is_published() -> None:
    """0 is not null."""
    families = shown(read(key("a", limit=0, limit_remaining=0)))
    assert (families["limit_usd"], families["limit_used_usd"]) == ({of("a"): 0.0}, {of("a"): 0.0})


def test_limit_used_is_absent_without_a_limit() -> None:
    assert shown(read(key("a", limit=None, limit_remaining=5)))["limit_used_usd"] == {}


def test_disabled_is_1_or_0() -> None:
    families = shown(read(key("a", disabled=True), key("b")))
    assert families["disabled"] == {of("a"): 1.0, of("b"): 0.0}


def test_names_are_only_in_the_info_family() -> None:
    """Renaming a key changes no other series."""
    before, after = (
        shown(read(key("a", name=name, hash=digest("a"), limit_reset="weekly"))) for name in ("old", "new")
    )
    assert before["info"] == {(*of("a"), "old", "sk-or-v1-abc...xyz", "Default", "w1", "weekly"): 1.0}
    assert after["info"] == {(*of("a"), "new", "sk-or-v1-abc...xyz", "Default", "w1", "weekly"): 1.0}
    assert {name: samples for name, samples in before.items() if name != "info"} == {
        name: samples for name, samples in after.items() if name != "info"
    }


def test_keys_with_the_same_name_have_separate_series() -> None:
    families = shown(read(key("a", name="same"), key("b", name="same")))
    assert families["usage_usd"] == {of("a"): 4.0, of("b"): 4.0}
    assert len(families["info"]) == 2


def test_keys_whose_hashes_begin_alike_have_longer_labels() -> None:
    one, two = "a" * 12 + "1" * 52, "a" * 12 + "2" * 52
    assert shown(read(key("a", hash=one), key("b", hash=two)))["usage_usd"] == {(one,): 4.0, (two,): 4.0}


def test_creators_are_shown_only_if_configured() -> None:
    """They are people."""
    assert "user_1" not in str(shown(read(key("a"))))
    assert next(iter(shown(read(key("a"), show_creator=True))["info"]))[-1] == "user_1"


def test_missing_names_are_empty() -> None:
    """A workspace without a name has its id as name."""
    api = account(pages([key("a", name=None, label=...)]), counted([{"id": "w1", "name": None}]))
    result = polled(KeysCollector("default", KeysSettings()), api)
    assert shown(result)["info"] == {(*of("a"), "", "", "w1", "w1", ""): 1.0}


def test_only_the_usage_of_keys_beyond_max_keys_is_folded() -> None:
    """Every key keeps its limit, its state and its names."""
    rows = [
        key(index, usage=float(index), byok_usage=0.0, limit=9, limit_remaining=1, disabled=True) for index in range(5)
    ]
    result = read(*rows, max_keys=2)
    families = shown(result)
    assert families["usage_usd"] == {of(3): 3.0, of(4): 4.0, ("other",): 3.0}
    assert families["usage_today_usd"][("other",)] == 3.0
    assert result.collected.summary.folded == 3
    for name in ("limit_usd", "limit_remaining_usd", "limit_used_usd", "disabled"):
        assert set(families[name]) == {of(index) for index in range(5)}
    assert {labels[:1] for labels in families["info"]} == {*(of(index) for index in range(5)), ("other",)}


EXPIRED = {"expires_at": "2026-08-20T00:00:00Z", "last_used_at": "2026-08-19T00:00:00Z"}
LONG_AGO = {"expires_at": "2026-01-20T00:00:00Z", "last_used_at": "2026-01-19T00:00:00Z"}


def names_all(*rows: Any, memory: object = None, **settings: Any) -> tuple[Polled, FakeApi]:
    """Poll the keys of an account whose activity is split by key."""
    collectors = configured(KeysSettings(**settings), ActivitySettings(split_by="api_key"))
    owner = Account(name="default", key=EnvironmentSecret("KEY", {}), collectors=collectors)
    api = account(pages(list(rows)))
    return polled(KeysCollector.of(owner), api, memory), api


def test_split_by_key_has_info_series_of_expired_and_disabled_keys_and_unattributed() -> None:
    """A join of the activity with the names must lose no spend. Hidden keys have no other series."""
    rows = [key("shown"), key("expired", **EXPIRED), key("old", **LONG_AGO), key("disabled", disabled=True)]
    result, api = names_all(*rows, include_disabled=False)
    assert {labels[:1] for labels in shown(result)["info"]} == {
        *map(of, ("shown", "expired", "disabled")),
        ("unattributed",),
    }
    assert (
        set(shown(result)["usage_usd"])
        == set(shown(result)["expires_timestamp_seconds"]) | {of("shown")}
        == {of("shown")}
    )
    listed = [request.parameters for request in api.requests if request.path == "/keys"]
    assert {(parameters["include_disabled"], parameters["include_expired"]) for parameters in listed} == {
        ("true", "true")
    }


def test_series_of_a_key_disappear_when_it_expires() -> None:
    """The API may return unchanged rows."""
    rows = [key("a"), key("b", expires_at="2026-08-23T11:59:00Z")]
    first, _ = names_all(rows[0], key("b", expires_at="2026-08-23T12:01:00Z"))
    assert of("b") in shown(first)["usage_usd"]
    second, _ = names_all(*rows, memory=first.memory)
    assert of("b") not in shown(second)["usage_usd"]


def test_keys_are_folded_by_recent_spend() -> None:
    """A new key that spends now comes before an old one that once spent more."""
    old = key("old", usage=1000.0, usage_weekly=0.0, usage_monthly=0.0, byok_usage_weekly=0.0, byok_usage_monthly=0.0)
    new = key("new", usage=2.0, usage_weekly=2.0, usage_monthly=1.0)
    assert set(shown(read(old, new, max_keys=1))["usage_usd"]) == {of("new"), ("other",)}


def test_nothing_is_folded_up_to_max_keys() -> None:
    result = read(key("a"), key("b"), max_keys=2)
    assert set(shown(result)["usage_usd"]) == {of("a"), of("b")}
    assert result.collected.summary.folded == 0


def test_account_without_keys_publishes_an_empty_snapshot() -> None:
    result = read()
    assert result.collected.snapshot is not None
    assert rendered(result.collected.snapshot) == {}


def test_unchanged_rows_publish_nothing() -> None:
    first = read(key("a"), key("b"))
    assert read(key("a"), key("b"), memory=first.memory).collected.snapshot is None
    assert read(key("a"), key("b", name="c"), memory=first.memory).collected.snapshot is not None
    assert read(key("a"), memory=first.memory).collected.snapshot is not None


def test_first_poll_of_a_day_publishes_unchanged_rows() -> None:
    """Amounts of the day before have expired by then."""
    before, after = at("2026-08-23 23:59:00"), at("2026-08-24 00:01:00")
    api = account(pages([key("a")]))
    collector = KeysCollector("default", KeysSettings())
    first = polled(collector, api, now=before)
    second = polled(collector, api, first.memory, now=after)
    assert shown(second)["usage_today_usd"] == {of("a"): 1.0}
    assert polled(collector, api, second.memory, now=after).collected.snapshot is None


def test_amounts_expire_at_the_midnight_that_ends_their_period() -> None:
    """No poll is needed. NOON is on a Sunday, so the week ends with the day, and the month nine days later."""
    rows = [key("large", limit=9), key("small", limit=9, usage_monthly=0.0)]
    successors = read(*rows, max_keys=1).collected.successors
    expired = {}
    for moment, snapshot in successors:
        families = {name.removeprefix(PREFIX): samples for name, samples in helpers.shown(snapshot).items()}
        assert families["usage_usd"].keys() == families["byok_usage_usd"].keys() == {of("large"), ("other",)}
        assert families["limit_usd"] == {of("large"): 9.0, of("small"): 9.0}
        expired[str(moment)] = {
            period for period in ("today", "week", "month") if f"usage_{period}_usd" not in families
        }
    assert expired == {
        "2026-08-24 00:00:00+00:00": {"today", "week"},
        "2026-09-01 00:00:00+00:00": {"today", "week", "month"},
    }


def test_renamed_workspace_is_published() -> None:
    """Its name is in the info family."""
    first = read(key("a"))
    api = account(pages([key("a")]), counted([{"id": "w1", "name": "Renamed"}]))
    assert polled(KeysCollector("default", KeysSettings()), api, first.memory).collected.snapshot is not None


def test_published_families_are_the_declared_ones() -> None:
    declared = KeysCollector("default", KeysSettings()).declarations()
    assert {family.name.removeprefix(PREFIX) for family in declared} == set(shown(read(key("a"))))
    assert len({family.name for family in declared}) == len(declared)
