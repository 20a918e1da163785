"""The body of `/metrics`: each family once, current values about polling, and the same samples in every format."""

from __future__ import annotations

import gzip
import zlib
from collections import Counter as Tally
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from exporter.exposition.metrics_registry import MetricsRegistry
from exporter.exposition.scrape import LIVE_SECONDS, MOST_COMBINATIONS, Exposition
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
        self.store.publish(name, "activity", rendered(snapshot), expires=self.clock.monotonic() + seconds)

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


def test_family_of_several_accounts_has_one_header(rig: Rig) -> None:
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
    """This holds in every format, with and without a filter."""
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
def test_openmetrics_ends_with_one_eof(rig: Rig, names: tuple[str, ...]) -> None:
    """A strict parser accepts the text."""
    text = rig.text(*names, accept=OPENMETRICS)
    assert text.count("# EOF") == 1
    assert text.endswith("# EOF\n")
    list(parse_openmetrics(text))  # type: ignore[no-untyped-call]
    assert "# EOF" not in rig.text(*names)


def test_all_formats_have_the_same_samples(rig: Rig) -> None:
    """Only the headers of counters differ."""
    lines = [[line for line in rig.text(accept=accept).splitlines() if not line.startswith("#")] for accept in FORMATS]
    assert lines[0] == lines[1] == lines[2]


def test_unchanged_body_is_cached(rig: Rig) -> None:
    """A scrape renders nothing if nothing has changed since the last one."""
    assert rig.exposition.scrape("", "gzip", ()) is rig.exposition.scrape("", "gzip", ())


def test_scrape_has_the_current_values_about_polling(rig: Rig) -> None:
    assert rig.samples()["openrouter_up", "one"] == 0.0
    rig.up["one"].labels("one").set(1)
    rig.accounts["one"].touch()
    assert rig.samples()["openrouter_up", "one"] == 1.0


def test_reload_does_not_render_accounts_that_stay(rig: Rig) -> None:
    """In a fleet that would block the event loop for seconds. A replaced account is rendered again."""

    class Counted(MetricsRegistry):
        collected = 0

        def collect(self) -> Iterator[Metric]:
            self.collected += 1
            return iter(super().collect())

    kept = Counted()
    rig.exposition.set_accounts({"one": kept, "two": rig.accounts["two"]})
    rig.text()
    replacement = MetricsRegistry()
    Gauge("openrouter_up", "Up.", ["account"], registry=replacement).labels("two").set(7)
    rig.exposition.set_accounts({"one": kept, "two": replacement})
    assert rig.samples()["openrouter_up", "two"] == 7.0
    assert kept.collected == 1


def test_scrape_has_the_current_request_histogram(rig: Rig) -> None:
    """It is about polling, although it is in the process's registry."""
    assert rig.samples()["request_duration_seconds_count", ""] == 0.0
    rig.duration.observe(0.5)
    rig.process.touch()
    assert rig.samples()["request_duration_seconds_count", ""] == 1.0


def test_process_metrics_are_at_most_a_second_old(rig: Rig) -> None:
    """CPU and memory are rendered at most once per second."""
    rig.text()
    rig.memory.set(1000)
    rig.clock.advance(LIVE_SECONDS / 2)
    assert rig.samples()["process_memory_bytes", ""] == 0.0
    rig.clock.advance(LIVE_SECONDS / 2)
    assert rig.samples()["process_memory_bytes", ""] == 1000.0


def test_new_snapshot_is_in_the_next_scrape(rig: Rig) -> None:
    rig.text()
    rig.publish("one", 2.0)
    assert rig.samples()["spend_usd", "one"] == 2.0


def test_expired_series_disappear_and_return(rig: Rig) -> None:
    """Health series stay. The header disappears with the last sample."""
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


def test_series_of_a_removed_account_disappear_at_the_next_scrape(rig: Rig) -> None:
    assert 'account="one"' in rig.text()
    del rig.accounts["one"]
    rig.store.drop("one")
    rig.exposition.set_accounts(rig.accounts)
    assert 'account="one"' not in rig.text()
    assert rig.samples()["spend_usd", "two"] == 1.0


def test_replaced_account_has_only_its_new_values(rig: Rig) -> None:
    rig.up["one"].labels("one").set(1)
    rig.accounts["one"].touch()
    assert rig.samples()["openrouter_up", "one"] == 1.0
    rig.add("one")
    rig.accounts["one"].touch()
    assert rig.samples()["openrouter_up", "one"] == 0.0


def test_refresh_renders_current_values(rig: Rig) -> None:
    """Refreshing a removed account is not an error."""
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
def test_name_filter_selects_families_and_samples(rig: Rig, names: list[str], expected: set[tuple[str, str]]) -> None:
    """They come from snapshots, accounts and the process."""
    assert set(rig.samples(*names)) == expected


@pytest.mark.parametrize("name", ["request_duration_seconds", "request_duration_seconds_bucket"])
def test_histogram_is_filtered_as_a_whole(rig: Rig, name: str) -> None:
    """Its buckets, sum and count belong together."""
    buckets = {("request_duration_seconds_bucket", limit) for limit in ("1.0", "+Inf")}
    rest = {("request_duration_seconds_count", ""), ("request_duration_seconds_sum", "")}
    assert set(rig.samples(name)) == buckets | rest


def test_filter_does_not_change_the_cached_body(rig: Rig) -> None:
    """A filtered response is not cached."""
    whole = rig.text()
    rig.text("spend_usd")
    assert rig.text() == whole


def test_body_without_accounts_has_only_process_metrics() -> None:
    """With an empty registry, it is empty."""
    exposition = Exposition(Store(), MetricsRegistry(), FakeClock())
    assert exposition.scrape("", "", ()).body == b""
    assert exposition.scrape(OPENMETRICS, "", ()).body == b"# EOF\n"


def test_scrape_of_one_account_has_only_its_series(rig: Rig) -> None:
    """It has no process metrics. This holds in every format."""
    text = (
        '# HELP spend_usd A number. Refreshed by polling.\n# TYPE spend_usd gauge\nspend_usd{account="one"} 1.0\n'
        '# HELP openrouter_up Up.\n# TYPE openrouter_up gauge\nopenrouter_up{account="one"} 0.0\n'
        '# HELP polls_total Polls.\n# TYPE polls_total counter\npolls_total{account="one"} 1.0\n'
    )
    assert text == rig.exposition.scrape("", "", (), ["one"]).body.decode()
    openmetrics = rig.exposition.scrape(OPENMETRICS, "", (), ["one"]).body.decode()
    assert (
        f"{text.replace('polls_total Polls', 'polls Polls').replace('polls_total counter', 'polls counter')}# EOF\n"
        == (openmetrics)
    )


def test_scrape_of_several_accounts_joins_them_in_any_order(rig: Rig) -> None:
    """Unknown names add nothing."""
    body = rig.exposition.scrape("", "gzip", (), ["two", "one", "three"]).body
    assert 2 == gzip.decompress(body).decode().count("spend_usd{")
    assert body is rig.exposition.scrape("", "gzip", (), ["one", "two"]).body


def test_account_and_name_filters_combine(rig: Rig) -> None:
    text = rig.exposition.scrape("", "", ("openrouter_up", "process_memory_bytes"), ["two"]).body.decode()
    assert '# HELP openrouter_up Up.\n# TYPE openrouter_up gauge\nopenrouter_up{account="two"} 0.0\n' == text


def test_body_of_an_account_is_cached_until_it_changes(rig: Rig) -> None:
    """Its own polls and its expiry change it. Polls of other accounts and time do not."""

    def body(name: str) -> bytes:
        return rig.exposition.scrape("", "gzip", (), [name]).body

    one = body("one")
    rig.publish("two", 2.0)
    rig.clock.advance(LIVE_SECONDS)
    assert one is body("one")
    rig.publish("one", 3.0)
    changed = body("one")
    assert b'spend_usd{account="one"} 3.0' in gzip.decompress(changed)
    rig.up["one"].labels("one").set(1)
    rig.accounts["one"].touch()
    assert b'openrouter_up{account="one"} 1.0' in gzip.decompress(body("one"))
    rig.clock.advance(100.0)
    assert b"spend_usd" not in gzip.decompress(body("one"))


def test_number_of_cached_combinations_of_accounts_is_limited(rig: Rig) -> None:
    """A client that requests every combination must not fill the memory."""
    for number in range(100):
        rig.add(f"more-{number}")
    first = rig.exposition.scrape("", "gzip", (), ["one"])
    for number in range(100 + 2 + MOST_COMBINATIONS):
        rig.exposition.scrape("", "gzip", (), [f"more-{number % 100}", f"more-{50 + number // 100}"])
    again = rig.exposition.scrape("", "gzip", (), ["one"])
    assert first == again
    assert first is not again
