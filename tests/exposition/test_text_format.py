"""The text is byte for byte what prometheus-client writes, and can be parsed."""

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
from tests.exposition.helpers import (
    HOSTILE,
    UNHURRIED,
    gauges,
    metrics_of,
    reference,
    rendered,
    snapshots,
    spelled,
    text_of,
)
from tests.support import Pauses, finished

SIZES = [
    *(0.0, -0.0, 1.0, 0.1, 1e-6, 1.5e-5, 123456.789, 999999.0, 999999.9999999999, 1e6, 1e6 + 0.5, 1234567.0, 1e15),
    *(1e16, 1.5e16, 1e17, 123456789012345678.0, 1e21, 1e22, 1.7976931348623157e308, 5e-324, 2.2250738585072014e-308),
    *(-1.0, -1e6, -1e300, 2.0**53, math.inf, -math.inf, 0.1 + 0.2, 1 / 3),
]


@pytest.mark.parametrize("openmetrics", [False, True])
@UNHURRIED
@given(snapshot=snapshots())
def test_text_is_byte_identical_to_prometheus_client(snapshot: Snapshot, *, openmetrics: bool) -> None:
    """This holds in both formats for any label values, HELP texts and numbers, gauges and counters."""
    expected = reference(metrics_of(snapshot), openmetrics=openmetrics)
    assert text_of(rendered(snapshot), openmetrics=openmetrics) == expected


@UNHURRIED
@given(snapshots())
def test_parsed_text_has_the_same_labels_and_values(snapshot: Snapshot) -> None:
    parsed = [
        (sample.name, sample.labels, sample.value)
        for family in parse_text(text_of(rendered(snapshot), openmetrics=False).decode())
        for sample in family.samples
    ]
    assert parsed == [
        (family.metric.name, dict(zip(family.label_sets.names, map(spelled, labels), strict=True)), value)
        for family in snapshot.families
        for labels, value in zip(family.label_sets.samples, family.values, strict=True)
        if not math.isnan(value)
    ]


@pytest.mark.parametrize("value", SIZES)
def test_numbers_are_written_as_by_prometheus_client(value: float) -> None:
    """prometheus-client follows Go."""
    assert sample_lines("a", [" "], [value]) == f"a {floatToGoString(value)}\n"  # type: ignore[no-untyped-call]


@UNHURRIED
@given(st.floats(allow_nan=False))
def test_any_number_is_parsed_as_the_same_float(value: float) -> None:
    line = sample_lines("a", [" "], [value])
    assert line == f"a {floatToGoString(value)}\n"  # type: ignore[no-untyped-call]
    assert float(line.split()[1]) == value


@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_label_value_is_one_label_on_one_line(value: str) -> None:
    text = text_of(rendered(gauges("a", {value: 1.0})), openmetrics=False).decode()
    assert text.count("\n") == 3
    [family] = parse_text(text)
    assert [sample.labels for sample in family.samples] == [{"account": spelled(value)}]


def test_only_backslash_newline_and_quote_are_escaped() -> None:
    assert escape('a\\b\nc"d\te') == 'a\\\\b\\nc\\"d\te'


def test_nan_has_no_line() -> None:
    """Other samples keep their labels."""
    text = text_of(rendered(gauges("a", {"x": 1.0, "y": math.nan, "z": 3.0})), openmetrics=False)
    assert text.splitlines()[2:] == [b'a{account="x"} 1.0', b'a{account="z"} 3.0']


def test_family_without_a_known_value_is_left_out() -> None:
    """Its header is left out too."""
    assert rendered(gauges("a", {"x": math.nan})) == {}
    assert rendered(gauges("a", {})) == {}


def test_labels_are_in_alphabetical_order() -> None:
    """prometheus-client does the same."""
    sets = LabelSets(("b", "a"), [("1", "2")])
    snapshot = Snapshot((Family(MetricFamily("x", "h", sets.names), sets, [0.0]),))
    assert text_of(rendered(snapshot), openmetrics=False).splitlines()[-1] == b'x{a="2",b="1"} 0.0'


@pytest.mark.parametrize("size", [LINES_PER_STEP - 1, LINES_PER_STEP, LINES_PER_STEP + 1, 3 * LINES_PER_STEP])
def test_rendering_pauses_and_loses_no_line(size: int) -> None:
    snapshot = gauges("a", {f"account {number}": float(number) for number in range(size)})
    pauses = Pauses()
    text = text_of(finished(render(pauses, snapshot)), openmetrics=False)
    assert pauses.count >= size // LINES_PER_STEP
    assert text == reference(metrics_of(snapshot), openmetrics=False)


def test_labels_and_values_must_have_the_same_length() -> None:
    """Otherwise values would get wrong labels."""
    sets = LabelSets(("a",), [("1",), ("2",)])
    with pytest.raises(ValueError, match="zip"):
        rendered(Snapshot((Family(MetricFamily("x", "h", ("a",)), sets, [1.0]),)))


@pytest.mark.parametrize("openmetrics", [False, True])
@UNHURRIED
@given(samples=st.lists(st.tuples(st.sampled_from(HOSTILE), st.floats(0, allow_nan=False)), max_size=5))
def test_registry_is_rendered_as_by_prometheus_client(samples: list[tuple[str, float]], *, openmetrics: bool) -> None:
    """It has gauges, counters, metrics without labels, and families without samples."""
    expected = registry_of([(spelled(label), value) for label, value in samples])
    assert text_of(render_metrics(registry_of(samples).collect()), openmetrics=openmetrics) == reference(
        expected, openmetrics=openmetrics
    )


def registry_of(samples: list[tuple[str, float]]) -> MetricsRegistry:
    registry = MetricsRegistry()
    gauge = Gauge("a_gauge", 'Help with "quotes" and \\.', ["x", "b"], registry=registry)
    counter = Counter("a_counter_total", "Help.", ["x"], registry=registry)
    Gauge("bare", "Help.", registry=registry).set(1e6)
    Counter("never_total", "Help.", ["x"], registry=registry)
    for label, value in samples:
        gauge.labels(label, "b").set(-value)
        counter.labels(label).inc(value)
    return registry


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("red \x1b[31m", r"red \\u001b[31m"),
        ("\0", r"\\u0000"),
        ("a\tb\rc", r"a\\u0009b\\u000dc"),
        ("\x9b", r"\\u009b"),
        ("\u202egpj.exe", r"\\u202egpj.exe"),
        ("\ud83d", r"\\ud83d"),
        ("two\nlines", r"two\nlines"),
        ("ünïcödé 😀", "ünïcödé 😀"),
    ],
)
def test_control_characters_are_written_as_text(value: str, shown: str) -> None:
    """No name must reach a terminal raw. A line feed has the format's own escape."""
    text = text_of(rendered(gauges("a", {value: 1.0})), openmetrics=False).decode()
    assert text.splitlines()[-1] == f'a{{account="{shown}"}} 1.0'


def test_strict_openmetrics_parser_accepts_counters_and_gauges() -> None:
    sets = LabelSets(("account",), [("a",), ("b",)])
    declarations = (
        MetricFamily("jobs_total", "Jobs.", sets.names, "counter"),
        MetricFamily("size", "Size.", sets.names),
    )
    snapshot = Snapshot(tuple(Family(declaration, sets, [1.0, 2.0]) for declaration in declarations))
    text = text_of(rendered(snapshot), openmetrics=True).decode()
    families = [(family.name, family.type, len(family.samples)) for family in parse_openmetrics(text)]  # type: ignore[no-untyped-call]
    assert families == [("jobs", "counter", 2), ("size", "gauge", 2)]
