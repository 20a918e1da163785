"""The body of `/metrics`: each family once, never stale about polling, the same in every format and encoding."""

from __future__ import annotations

import gzip
import zlib
from collections import Counter as Tally
from dataclasses import dataclass, field

import pytest
from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from exporter.exposition.metrics_registry import MetricsRegistry
from exporter.exposition.scrape import LIVE_SECONDS, Exposition
from exporter.exposition.store import Store
from tests.exposition.helpers import gauges, rendered
from tests.support import FakeClock

OPENMETRICS = "application/openmetrics-text;version=1.0.0"
TEXT_1 = "text/plain;version=1.0.0"
FORMATS = ["", TEXT_1, OPENMETRICS]


@dataclass
class Rig:
    """Two accounts with a snapshot and a registry each, and the process's own registry."""

    clock: FakeClock = field(default_factory=FakeClock)
    store: Store = field(default_factory=Store)
    process: MetricsRegistry = field(default_factory=MetricsRegistry)
    accounts: dict[str, MetricsRegistry] = field(default_factory=dict)
    up: dict[str, Gauge] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.memory = Gauge("process_memory_bytes", "Memory.", registry=self.process)
        self.cpu = Counter("process_cpu_seconds_total", "Time.", registry=self.process)
        self.duration = Histogram("request_duration_seconds", "Duration.", buckets=(1,), registry=self.process)
        self.exposition = Exposition(self.store, self.process, self.clock)
        for name in ("one", "two"):
            self.add(name)
            self.publish(name, 1.0)

    def add(self, name: str) -> None:
        self.accounts[name] = metrics_registry = MetricsRegistry()
        self.up[name] = Gauge("openrouter_up", "Up.", ["account"], registry=metrics_registry)
        self.up[name].labels(name).set(0)
        Counter("polls_total", "Polls.", ["account"], registry=metrics_registry).labels(name).inc()
        self.exposition.set_accounts(self.accounts)

    def publish(self, name: str, value: float, seconds: float = 100.0) -> None:
        snapshot = gauges("spend_usd", {name: value})
        self.store.publish(name, "activity", rendered(snapshot), 1, expires=self.clock.monotonic() + seconds)

    def text(self, *names: str, accept: str = "") -> str:
        return self.exposition.scrape(accept, "", names).body.decode()

    def samples(self, *names: str) -> dict[tuple[str, str], float]:
        families = parse_text(self.text(*names))
        return {
            (sample.name, sample.labels.get("account", sample.labels.get("le", ""))): sample.value
            for family in families
            for sample in family.samples
        }


@pytest.fixture
def rig() -> Rig:
    """Two accounts."""
    return Rig()


def test_families_of_several_accounts_are_joined(rig: Rig) -> None:
    """Each has one header, and its samples stand under it."""
    text = rig.text()
    assert text.startswith(
        "# HELP spend_usd A number. Refreshed by polling.\n# TYPE spend_usd gauge\n"
        'spend_usd{account="one"} 1.0\nspend_usd{account="two"} 1.0\n'
        '# HELP openrouter_up Up.\n# TYPE openrouter_up gauge\nopenrouter_up{account="one"} 0.0\n'
    )
    headers = Tally(line.split()[2] for line in text.splitlines() if line.startswith("# TYPE"))
    assert set(headers.values()) == {1}


@pytest.mark.parametrize("accept", FORMATS)
def test_gzip_is_one_member_of_the_same_text(rig: Rig, accept: str) -> None:
    """In every format, with and without a filter."""
    for names in ((), ("spend_usd",), ("nothing",)):
        plain = rig.exposition.scrape(accept, "identity", names)
        zipped = rig.exposition.scrape(accept, "gzip", names)
        stream = zlib.decompressobj(31)
        assert stream.decompress(zipped.body) + stream.flush() == plain.body
        assert (stream.eof, stream.unused_data) == (True, b"")
        assert gzip.decompress(zipped.body) == plain.body
        assert (plain.content_encoding, zipped.content_encoding) == (None, "gzip")
        assert plain.content_type == zipped.content_type


@pytest.mark.parametrize("names", [(), ("spend_usd",), ("nothing",)])
def test_openmetrics_ends_once(rig: Rig, names: tuple[str, ...]) -> None:
    """With # EOF, behind everything; and a strict parser takes it."""
    text = rig.text(*names, accept=OPENMETRICS)
    assert text.count("# EOF") == 1
    assert text.endswith("# EOF\n")
    list(parse_openmetrics(text))  # type: ignore[no-untyped-call]
    assert "# EOF" not in rig.text(*names)


def test_all_formats_say_the_same(rig: Rig) -> None:
    """Every sample line but the counters' headers."""
    lines = [[line for line in rig.text(accept=accept).splitlines() if not line.startswith("#")] for accept in FORMATS]
    assert lines[0] == lines[1] == lines[2]


def test_a_cached_body_is_given_again(rig: Rig) -> None:
    """Nothing is rendered for a scrape if nothing happened since the last."""
    assert rig.exposition.scrape("", "gzip", ()) is rig.exposition.scrape("", "gzip", ())


def test_health_is_never_stale(rig: Rig) -> None:
    """A number about polling that changed is shown by the very next scrape, time passing or not."""
    assert rig.samples()["openrouter_up", "one"] == 0.0
    rig.up["one"].labels("one").set(1)
    rig.accounts["one"].touch()
    assert rig.samples()["openrouter_up", "one"] == 1.0


def test_the_histogram_of_requests_is_never_stale_either(rig: Rig) -> None:
    """It is about polling though it belongs to the process."""
    assert rig.samples()["request_duration_seconds_count", ""] == 0.0
    rig.duration.observe(0.5)
    rig.process.touch()
    assert rig.samples()["request_duration_seconds_count", ""] == 1.0


def test_the_process_itself_may_be_a_second_old(rig: Rig) -> None:
    """And no older."""
    rig.text()
    rig.memory.set(1000)
    rig.clock.advance(LIVE_SECONDS / 2)
    assert rig.samples()["process_memory_bytes", ""] == 0.0
    rig.clock.advance(LIVE_SECONDS / 2)
    assert rig.samples()["process_memory_bytes", ""] == 1000.0


def test_a_new_snapshot_is_shown_at_once(rig: Rig) -> None:
    """By the next scrape."""
    rig.text()
    rig.publish("one", 2.0)
    assert rig.samples()["spend_usd", "one"] == 2.0


def test_expired_series_vanish_and_come_back(rig: Rig) -> None:
    """Those of one account; health stays. Without a family's last sample its header goes too."""
    rig.publish("one", 1.0, seconds=10.0)
    assert ("spend_usd", "one") in rig.samples()
    rig.clock.advance(10.0)
    assert ("spend_usd", "one") not in rig.samples()
    assert rig.samples()["spend_usd", "two"] == 1.0
    assert rig.samples()["openrouter_up", "one"] == 0.0
    rig.store.renew("one", "activity", rig.clock.monotonic(), rig.clock.monotonic() + 10.0)
    assert rig.samples()["spend_usd", "one"] == 1.0
    rig.clock.advance(90.0)
    assert "spend_usd" not in rig.text()


def test_an_account_that_was_removed_vanishes(rig: Rig) -> None:
    """Its usage and its health, at once."""
    assert 'account="one"' in rig.text()
    del rig.accounts["one"]
    rig.store.drop("one")
    rig.exposition.set_accounts(rig.accounts)
    assert 'account="one"' not in rig.text()
    assert rig.samples()["spend_usd", "two"] == 1.0


def test_an_account_that_came_back_has_its_new_numbers(rig: Rig) -> None:
    """Under the name that it had: nothing is remembered of the old one."""
    rig.up["one"].labels("one").set(1)
    rig.accounts["one"].touch()
    assert rig.samples()["openrouter_up", "one"] == 1.0
    rig.add("one")
    rig.accounts["one"].touch()
    assert rig.samples()["openrouter_up", "one"] == 0.0


def test_an_account_that_is_rendered_ahead_is_as_right(rig: Rig) -> None:
    """Its poll pays for it; one that is gone by then is no mistake."""
    rig.up["one"].labels("one").set(1)
    rig.accounts["one"].touch()
    rig.exposition.refresh("one")
    rig.exposition.refresh("gone")
    assert rig.samples()["openrouter_up", "one"] == 1.0


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["spend_usd"], {("spend_usd", "one"), ("spend_usd", "two")}),
        (["polls_total"], {("polls_total", "one"), ("polls_total", "two")}),
        (["polls"], {("polls_total", "one"), ("polls_total", "two")}),
        (["process_cpu_seconds_total"], {("process_cpu_seconds_total", "")}),
        (["process_cpu_seconds"], {("process_cpu_seconds_total", "")}),
        (["process_memory_bytes", "nothing"], {("process_memory_bytes", "")}),
        (["nothing"], set()),
        ([""], set()),
    ],
)
def test_a_filter_by_name(rig: Rig, names: list[str], expected: set[tuple[str, str]]) -> None:
    """By a family's name or by a sample's, from snapshots, accounts and the process alike."""
    assert set(rig.samples(*names)) == expected


@pytest.mark.parametrize("name", ["request_duration_seconds", "request_duration_seconds_bucket"])
def test_a_histogram_is_filtered_as_a_whole(rig: Rig, name: str) -> None:
    """Parts of it would be of no use."""
    buckets = {("request_duration_seconds_bucket", limit) for limit in ("1.0", "+Inf")}
    rest = {("request_duration_seconds_count", ""), ("request_duration_seconds_sum", "")}
    assert set(rig.samples(name)) == buckets | rest


def test_a_filtered_answer_leaves_the_whole_one_alone(rig: Rig) -> None:
    """Caches are not shared."""
    whole = rig.text()
    rig.text("spend_usd")
    assert rig.text() == whole


def test_without_accounts_there_is_the_process() -> None:
    """Before anything is configured."""
    exposition = Exposition(Store(), MetricsRegistry(), FakeClock())
    assert exposition.scrape("", "", ()).body == b""
    assert exposition.scrape(OPENMETRICS, "", ()).body == b"# EOF\n"
