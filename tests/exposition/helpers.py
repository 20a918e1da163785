"""Generated families, the rendering of prometheus-client, and rendered families as text."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from prometheus_client import generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

from exporter.exposition.families import Family, FamilyType, LabelSets, MetricFamily, Snapshot
from exporter.exposition.gzip import inflate
from exporter.exposition.text_format import Rendered, render
from tests.support import Pauses, examples, finished

# Slow machines must not fail property tests.
UNHURRIED = settings(max_examples=examples(50), deadline=None, suppress_health_check=[HealthCheck.too_slow])

HOSTILE = [
    "",
    " ",
    '"',
    "\\",
    "\n",
    "\\n",
    '\\"',
    "\r\n",
    "\t",
    "\0",
    "\x1b[31m",
    "\x7f\x9b",
    "\u2028",
    "\u202e",
    "\ud800",
    "\\u001b",
    "{",
    "}",
    ",",
    "=",
    'a="b"',
    "#",
    "é",
    "日本",
    "😀",
]

TYPES: tuple[FamilyType, ...] = ("gauge", "counter")

names = st.from_regex(r"[a-z][a-z0-9_]{0,20}[a-z0-9]", fullmatch=True).filter(
    lambda name: not name.endswith(("_total", "_created", "_info", "_bucket", "_sum", "_count"))
)
label_names = st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_]{0,8}", fullmatch=True).filter(lambda name: name[:2] != "__")
label_values = st.sampled_from(HOSTILE) | st.text(max_size=12)
help_texts = label_values.filter(lambda text: "\ud800" not in text)  # ours are constants, without lone surrogates
values = st.floats(allow_nan=True, allow_infinity=True) | st.integers(0, 2**60).map(float)


@st.composite
def label_sets(draw: st.DrawFn) -> LabelSets:
    """Draw label names and different rows of their values."""
    columns = tuple(draw(st.lists(label_names, unique=True, max_size=4)))
    most = 6 if columns else 1
    rows = draw(st.lists(st.tuples(*[label_values] * len(columns)), unique=True, max_size=most))
    return LabelSets(columns, rows)


@st.composite
def snapshots(draw: st.DrawFn) -> Snapshot:
    """Draw families of which some share their label sets."""
    sets = draw(st.lists(label_sets(), min_size=1, max_size=3))
    families = []
    for name in draw(st.lists(names, unique=True, max_size=5)):
        chosen = draw(st.sampled_from(sets))
        size = len(chosen.samples)
        type_ = draw(st.sampled_from(TYPES))
        full = f"{name}_total" if type_ == "counter" else name
        declaration = MetricFamily(full, draw(help_texts), chosen.names, type_)
        families.append(Family(declaration, chosen, draw(st.lists(values, min_size=size, max_size=size))))
    return Snapshot(tuple(families))


def spelled(value: str) -> str:
    """Return a label value with its control characters as text, as the documentation describes."""
    return "".join(
        f"\\u{ord(letter):04x}"
        if (unicodedata.category(letter) in {"Cc", "Cs", "Zl", "Zp"} and letter != "\n")
        or unicodedata.bidirectional(letter) in {"LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI"}
        else letter
        for letter in value
    )


class Registry:
    """Metrics as prometheus-client knows them."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self.metrics = list(metrics)

    def collect(self) -> Iterator[Metric]:
        return iter(self.metrics)


def metrics_of(snapshot: Snapshot) -> Registry:
    """Return a snapshot's families as prometheus-client metrics, without unknown values and empty families."""
    metrics = []
    for family in snapshot.families:
        name = family.metric.name
        metric = Metric(name.removesuffix("_total"), family.metric.help, family.metric.type)
        for labels, value in zip(family.label_sets.samples, family.values, strict=True):
            if str(value) != "nan":
                spelled_labels = map(spelled, labels)
                metric.add_sample(name, dict(zip(family.label_sets.names, spelled_labels, strict=True)), value)
        if metric.samples:
            metrics.append(metric)
    return Registry(metrics)


def reference(registry: Any, *, openmetrics: bool) -> bytes:
    """Return the rendering of prometheus-client."""
    if openmetrics:
        return bytes(generate_openmetrics(registry))  # type: ignore[no-untyped-call]
    return generate_latest(registry)


def rendered(snapshot: Snapshot) -> Rendered:
    """Render a snapshot at once."""
    return finished(render(Pauses(), snapshot))


def text_of(parts: Rendered, *, openmetrics: bool) -> bytes:
    """Return the exposition of these families alone."""
    pieces = []
    for family in parts.values():
        pieces.append((family.header.openmetrics if openmetrics else family.header.text).encode())
        pieces += inflate(family.lines)
    return b"".join([*pieces, b"# EOF\n" if openmetrics else b""])


def gauges(name: str, samples: dict[str, float], help_: str = "A number. Refreshed by polling.") -> Snapshot:
    """Return a snapshot of one gauge with a value per account."""
    rows = LabelSets(("account",), [(account,) for account in samples])
    return Snapshot((Family(MetricFamily(name, help_, ("account",)), rows, list(samples.values())),))
