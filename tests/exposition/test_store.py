"""Which snapshots are published and until when, and the version that shows that they may have changed."""

from __future__ import annotations

import cProfile
import gc
import itertools
import math

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from exporter.exposition.gzip import Segment
from exporter.exposition.store import Phase, Store
from exporter.exposition.text_format import Rendered, RenderedFamily, header
from tests.exposition.helpers import UNHURRIED


def part(series: int = 1) -> Rendered:
    family = RenderedFamily(header("usage_usd", "gauge", "Usage."), Segment((), 0, 0), series)
    return {"usage_usd": family}


@pytest.fixture
def store() -> Store:
    """Return a store with one snapshot that expires at 100."""
    store = Store()
    store.publish("a", "activity", part(7), expires=100.0)
    return store


def test_snapshot_is_shown_until_it_expires(store: Store) -> None:
    """At that instant it is hidden."""
    assert [len(list(store.parts(now))) for now in (0.0, 99.999, 100.0, 1000.0)] == [1, 1, 0, 0]
    assert [store.series("a", "activity", now) for now in (99.999, 100.0)] == [7, 0]


def test_snapshot_with_stale_after_never_does_not_expire() -> None:
    store = Store()
    store.publish("a", "activity", part(), expires=math.inf)
    version = store.version(0.0)
    assert len(list(store.parts(1e18))) == 1
    assert store.version(1e18) == version


def test_new_snapshot_replaces_the_last_one_of_its_collector(store: Store) -> None:
    newest = part(8)
    store.publish("a", "activity", newest, expires=200.0)
    assert [part is newest for part in store.parts(150.0)] == [True]


def test_renewing_shows_an_expired_snapshot_again(store: Store) -> None:
    """The API returned the same bytes as before."""
    shown = list(store.parts(50.0))
    version = store.version(150.0)
    assert list(store.parts(150.0)) == []
    store.renew("a", "activity", 150.0, 250.0)
    assert list(store.parts(150.0)) == shown
    assert store.version(150.0) != version
    assert store.expires("a", "activity") == 250.0


def test_renewing_before_expiry_keeps_the_version(store: Store) -> None:
    """A cached body stays valid."""
    version = store.version(50.0)
    store.renew("a", "activity", 50.0, 150.0)
    assert store.version(149.0) == version
    assert store.version(150.0) != version


def test_renewing_can_shorten_the_expiry(store: Store) -> None:
    """A snapshot that is too old by a new setting is hidden at once."""
    version = store.version(50.0)
    store.renew("a", "activity", 50.0, 50.0)
    assert (0, True) == (store.series("a", "activity", 50.0), store.version(50.0) != version)


def test_expiry_changes_the_version_although_another_snapshot_is_renewed(store: Store) -> None:
    """No scrape needs to come in between."""
    store.publish("b", "activity", part(), expires=200.0)
    version = store.version(90.0)
    store.renew("b", "activity", 150.0, 300.0)
    assert store.version(151.0) != version


def test_expiry_is_one_change(store: Store) -> None:
    """A body rendered after it stays valid until the next expiry."""
    store.publish("b", "activity", part(), expires=200.0)
    versions = [store.version(now) for now in (99.0, 100.0, 150.0, 199.0, 200.0, 300.0)]
    assert [later - earlier for earlier, later in itertools.pairwise(versions)] == [1, 0, 0, 1, 0]


def test_dropped_or_republished_snapshot_does_not_expire_at_its_first_time(store: Store) -> None:
    store.publish("b", "activity", part(), expires=110.0)
    store.publish("c", "activity", part(), expires=120.0)
    store.renew("b", "activity", 50.0, 300.0)
    store.publish("c", "activity", part(), expires=400.0)
    store.drop("a")
    versions = [store.version(now) for now in (90.0, 105.0, 115.0, 125.0, 299.0, 300.0, 399.0, 400.0, 500.0)]
    assert [later - earlier for earlier, later in itertools.pairwise(versions)] == [0, 0, 0, 0, 1, 0, 1, 0]


def test_successor_in_force_stays_when_its_snapshot_is_renewed(store: Store) -> None:
    """No scrape needs to come in between."""
    store.publish("b", "activity", part(), expires=200.0, successors=(Phase(part(), 150.0),))
    store.version(90.0)
    version = store.version(140.0)
    store.renew("b", "activity", 160.0, 300.0)
    assert store.version(161.0) != version


def test_number_of_calls_to_renew_does_not_grow_with_accounts() -> None:
    """A search through all snapshots would make the polls of a fleet quadratic."""
    assert calls_of_renewal(accounts=10) == calls_of_renewal(accounts=2000)


def calls_of_renewal(accounts: int) -> int:
    """Return the number of function calls of 20 unchanged polls and the scrapes after them."""
    store = Store()
    for number in range(accounts):
        store.publish(f"{number}", "activity", part(), expires=1000.0 + number)
    profile = cProfile.Profile()
    gc.disable()  # others' callbacks at a collection would be counted
    try:
        with profile:
            for seconds in range(20):
                store.renew("7", "activity", 10.0 + seconds, 5000.0 + seconds)
                store.version(10.0 + seconds)
    finally:
        gc.enable()
    return sum(entry.callcount for entry in profile.getstats())


def test_removed_account_is_dropped_with_all_its_collectors(store: Store) -> None:
    store.publish("a", "credits", part(), expires=100.0)
    store.publish("b", "activity", part(), expires=100.0)
    version = store.version(0.0)
    store.drop("a")
    assert len(list(store.parts(0.0))) == 1
    assert store.version(0.0) != version
    assert (store.expires("a", "activity"), store.series("a", "activity", 0.0)) == (None, 0)


def test_dropping_an_unknown_account_is_not_an_error() -> None:
    """The account may be removed before its first poll."""
    store = Store()
    store.drop("a")
    assert list(store.parts(0.0)) == []


class Looking(RuleBasedStateMachine):
    """Snapshots that are shown never change while the version stays the same, in any order of operations."""

    def __init__(self) -> None:
        super().__init__()
        self.store, self.now = Store(), 0.0
        self.seen: dict[int, list[int]] = {}

    names = st.sampled_from("abc")
    ages = st.sampled_from([0.0, 1.0, 2.0, 5.0, math.inf])

    @rule(name=names, age=ages)
    def publish(self, name: str, age: float) -> None:
        self.store.publish(name, "activity", part(), expires=self.now + age)

    @rule(name=names, age=ages)
    def renew(self, name: str, age: float) -> None:
        if self.store.expires(name, "activity") is not None:
            self.store.renew(name, "activity", self.now, self.now + age)

    @rule(name=names)
    def drop(self, name: str) -> None:
        self.store.drop(name)

    @rule(seconds=st.sampled_from([0.5, 1.0, 3.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def look(self) -> None:
        self.looked()

    @invariant()
    def looked(self) -> None:
        if int(self.now * 2) % 3 == 0:  # often, but not after every step
            shown = [id(part) for part in self.store.parts(self.now)]
            assert self.seen.setdefault(self.store.version(self.now), shown) == shown


Looking.TestCase.settings = settings(UNHURRIED, stateful_step_count=30)
TestLooking = Looking.TestCase


def test_drop_can_keep_collectors() -> None:
    """Only snapshots that new settings would change are dropped."""
    store = Store()
    for account, collector in (("a", "activity"), ("a", "credits"), ("b", "activity")):
        store.publish(account, collector, part(), expires=math.inf)
    store.drop("a", {"credits"})
    assert [0, 1, 1] == [store.series(*key, 0.0) for key in (("a", "activity"), ("a", "credits"), ("b", "activity"))]


def test_successor_replaces_a_snapshot_at_its_time_without_a_poll() -> None:
    store, first, second = Store(), part(7), part(5)
    store.publish("a", "spend", first, expires=100.0, successors=(Phase(second, begins=50.0),))
    assert [(part is first, part is second) for now in (49.9, 50.0, 99.9) for part in store.parts(now)] == [
        (True, False),
        (False, True),
        (False, True),
    ]
    assert [store.series("a", "spend", now) for now in (49.9, 50.0, 100.0)] == [7, 5, 0]


def test_successor_changes_the_version() -> None:
    """The next scrape renders it."""
    store = Store()
    store.publish("a", "spend", part(7), expires=100.0, successors=(Phase(part(5), begins=50.0),))
    before = store.version(49.9)
    assert store.version(49.95) == before
    at = store.version(50.0)
    assert before < at == store.version(99.9) < store.version(100.0)


def test_successor_of_an_expired_snapshot_is_not_shown() -> None:
    store = Store()
    store.publish("a", "spend", part(7), expires=40.0, successors=(Phase(part(5), begins=50.0),))
    assert list(store.parts(60.0)) == []
