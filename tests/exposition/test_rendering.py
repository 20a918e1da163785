"""What is rendered is byte for byte what prometheus-client writes of the same families, and parses back."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import Counter, Gauge
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text
from prometheus_client.utils import floatToGoString

from exporter.exposition.families import Family, LabelSets, MetricFamily, Snapshot
from exporter.exposition.metrics_registry import MetricsRegistry
from exporter.exposition.text_format import LINES_PER_STEP, escape, render, render_metrics, sample_lines
from tests.exposition.helpers import HOSTILE, UNHURRIED, gauges, metrics_of, reference, rendered, snapshots, text_of
from tests.support import Pauses, finished

SIZES = [
    *(0.0, -0.0, 1.0, 0.1, 1e-6, 1.5e-5, 123456.789, 999999.0, 999999.9999999999, 1e6, 1e6 + 0.5, 1234567.0, 1e15),
    *(1e16, 1.5e16, 1e17, 123456789012345678.0, 1e21, 1e22, 1.7976931348623157e308, 5e-324, 2.2250738585072014e-308),
    *(-1.0, -1e6, -1e300, 2.0**53, math.inf, -math.inf, 0.1 + 0.2, 1 / 3),
]


@pytest.mark.parametrize("openmetrics", [False, True])
@UNHURRIED
@given(snapshot=snapshots())
def test_byte_identical_to_prometheus_client(snapshot: Snapshot, *, openmetrics: bool) -> None:
    """In both formats, for any label values, help texts and numbers, gauges and counters."""
    expected = reference(metrics_of(snapshot), openmetrics=openmetrics)
    assert text_of(rendered(snapshot), openmetrics=openmetrics) == expected


@UNHURRIED
@given(snapshots())
def test_the_text_parses_back(snapshot: Snapshot) -> None:
    """Every label and every number, to the bit."""
    parsed = [
        (sample.name, sample.labels, sample.value)
        for family in parse_text(text_of(rendered(snapshot), openmetrics=False).decode())
        for sample in family.samples
    ]
    assert parsed == [
        (family.metric.name, dict(zip(family.label_sets.names, labels, strict=True)), value)
        for family in snapshot.families
        for labels, value in zip(family.label_sets.samples, family.values, strict=True)
        if not math.isnan(value)
    ]


@pytest.mark.parametrize("value", SIZES)
def test_numbers_of_all_sizes(value: float) -> None:
    """As Go writes them, or as prometheus-client believes it does."""
    assert sample_lines("a", [" "], [value]) == f"a {floatToGoString(value)}\n"  # type: ignore[no-untyped-call]


@UNHURRIED
@given(st.floats(allow_nan=False))
def test_any_number(value: float) -> None:
    """It reads back as the same double."""
    line = sample_lines("a", [" "], [value])
    assert line == f"a {floatToGoString(value)}\n"  # type: ignore[no-untyped-call]
    assert float(line.split()[1]) == value


@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_label_values(value: str) -> None:
    """Never a second line, never a label too many."""
    text = text_of(rendered(gauges("a", {value: 1.0})), openmetrics=False).decode()
    assert text.count("\n") == 3
    [family] = parse_text(text)
    assert [sample.labels for sample in family.samples] == [{"account": value}]


def test_escapes() -> None:
    """Backslash, newline and quote, and nothing else."""
    assert escape('a\\b\nc"d\te') == 'a\\\\b\\nc\\"d\te'


def test_an_unknown_number_has_no_line() -> None:
    """The others stay with their labels."""
    text = text_of(rendered(gauges("a", {"x": 1.0, "y": math.nan, "z": 3.0})), openmetrics=False)
    assert text.splitlines()[2:] == [b'a{account="x"} 1.0', b'a{account="z"} 3.0']


def test_a_family_without_a_known_number_is_left_out() -> None:
    """Header and all."""
    assert rendered(gauges("a", {"x": math.nan})) == {}
    assert rendered(gauges("a", {})) == {}


def test_labels_are_in_alphabetical_order() -> None:
    """As prometheus-client has them, whatever the declaration's order."""
    sets = LabelSets(("b", "a"), [("1", "2")])
    snapshot = Snapshot((Family(MetricFamily("x", "h", sets.names), sets, [0.0]),))
    assert text_of(rendered(snapshot), openmetrics=False).splitlines()[-1] == b'x{a="2",b="1"} 0.0'


@pytest.mark.parametrize("size", [LINES_PER_STEP - 1, LINES_PER_STEP, LINES_PER_STEP + 1, 3 * LINES_PER_STEP])
def test_rendering_gives_way_and_loses_no_line(size: int) -> None:
    """Whatever number of lines there are."""
    snapshot = gauges("a", {f"account {number}": float(number) for number in range(size)})
    pauses = Pauses()
    text = text_of(finished(render(pauses, snapshot)), openmetrics=False)
    assert pauses.count >= size // LINES_PER_STEP
    assert text == reference(metrics_of(snapshot), openmetrics=False)


def test_rows_and_values_that_do_not_match_are_refused() -> None:
    """Rather than shown under wrong labels."""
    sets = LabelSets(("a",), [("1",), ("2",)])
    with pytest.raises(ValueError, match="zip"):
        rendered(Snapshot((Family(MetricFamily("x", "h", ("a",)), sets, [1.0]),)))


@pytest.mark.parametrize("openmetrics", [False, True])
@UNHURRIED
@given(samples=st.lists(st.tuples(st.sampled_from(HOSTILE), st.floats(0, allow_nan=False)), max_size=5))
def test_a_registry_is_rendered_as_prometheus_client_does(
    samples: list[tuple[str, float]], *, openmetrics: bool
) -> None:
    """Its gauges, its counters, those without labels, and families that have no sample yet."""
    registry = MetricsRegistry()
    gauge = Gauge("a_gauge", 'Help with "quotes" and \\.', ["x", "b"], registry=registry)
    counter = Counter("a_counter_total", "Help.", ["x"], registry=registry)
    Gauge("bare", "Help.", registry=registry).set(1e6)
    Counter("never_total", "Help.", ["x"], registry=registry)
    for label, value in samples:
        gauge.labels(label, "b").set(-value)
        counter.labels(label).inc(value)
    assert text_of(render_metrics(registry.collect()), openmetrics=openmetrics) == reference(
        registry, openmetrics=openmetrics
    )


def test_openmetrics_accepts_counters_and_gauges() -> None:
    """By prometheus-client's own strict parser."""
    sets = LabelSets(("account",), [("a",), ("b",)])
    declarations = (
        MetricFamily("jobs_total", "Jobs.", sets.names, "counter"),
        MetricFamily("size", "Size.", sets.names),
    )
    snapshot = Snapshot(tuple(Family(declaration, sets, [1.0, 2.0]) for declaration in declarations))
    text = text_of(rendered(snapshot), openmetrics=True).decode()
    families = [(family.name, family.type, len(family.samples)) for family in parse_openmetrics(text)]  # type: ignore[no-untyped-call]
    assert families == [("jobs", "counter", 2), ("size", "gauge", 2)]
