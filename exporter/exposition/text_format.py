"""The text format, byte for byte as prometheus-client's `generate_latest` writes it.

It covers what this exporter publishes: gauges and counters, without timestamps and exemplars. The text of labels is
rendered once per LabelSets instead of once per family.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from prometheus_client.metrics_core import Metric
from prometheus_client.utils import floatToGoString

from exporter.clock import Pause
from exporter.exposition.families import LabelSets, Snapshot
from exporter.exposition.gzip import Deflater, Segment, deflate

LINES_PER_STEP = 256

# From here on Go, and therefore prometheus-client, writes an exponent where Python does not.
FIRST_WITH_EXPONENT = 1e6

# Control characters except the line feed, which the format escapes; line separators, and changes of text direction.
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Header:
    """The HELP and TYPE lines of a family. Those of a counter differ between the formats."""

    text: str
    openmetrics: str


@dataclass(frozen=True, slots=True, eq=False)
class RenderedFamily:
    """A family's header, its sample lines, which are the same in all formats, and the number of these lines."""

    header: Header
    lines: Segment
    series: int


Rendered = Mapping[str, RenderedFamily]


def header(name: str, type_: str, documentation: str) -> Header:
    """Return the header of a gauge or a counter; a counter's `name` may end in `_total` or not."""
    base = name.removesuffix("_total") if type_ == "counter" else name
    text_name = f"{base}_total" if type_ == "counter" else base
    escaped = documentation.replace("\\", r"\\").replace("\n", r"\n")
    quoted = escaped.replace('"', r"\"")
    return Header(
        f"# HELP {text_name} {escaped}\n# TYPE {text_name} {type_}\n",
        f"# HELP {base} {quoted}\n# TYPE {base} {type_}\n",
    )


def escape(value: str) -> str:
    """Escape a label value."""
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def visible(value: str) -> str:
    r"""Spell control characters of a label value as text, such as `\u001b`.

    The format has no escape for them, and raw they would reach every terminal and page that shows the value. Lone
    surrogates cannot be sent at all.
    """
    return _CONTROL.sub(lambda match: f"\\u{ord(match[0]):04x}", value)


def label_texts(label_sets: LabelSets) -> list[str]:
    """Return `{a="x",b="y"} ` for each sample, names in alphabetical order as in prometheus-client."""
    order = sorted(range(len(label_sets.names)), key=lambda column: label_sets.names[column])
    if not order:
        return [" "] * len(label_sets.samples)
    texts = "".join(chain.from_iterable(label_sets.samples))
    if not texts.isprintable() and _CONTROL.search(texts):
        rows = [tuple(map(visible, row)) for row in label_sets.samples]
        return label_texts(LabelSets(label_sets.names, rows))
    written = escape if any(mark in texts for mark in '\\"\n') else str
    template = "{{" + ",".join(f'{label_sets.names[column]}="{{}}"' for column in order) + "}} "
    return [template.format(*[written(row[column]) for column in order]) for row in label_sets.samples]


def sample_lines(name: str, labels: Sequence[str], values: Iterable[float]) -> str:
    """Return one line per value. NaN means unknown, and has no line."""
    return "".join(
        [
            f"{name}{label}{value!r}\n" if 0 <= value < FIRST_WITH_EXPONENT else f"{name}{label}{_number(value)}\n"
            for label, value in zip(labels, values, strict=True)
            if value == value  # noqa: PLR0124
        ]
    )


def _number(value: float) -> str:
    return str(floatToGoString(value))  # type: ignore[no-untyped-call]


async def render(pause: Pause, snapshot: Snapshot) -> Rendered:
    """Render and compress a snapshot without its empty families, pausing between blocks of lines."""
    texts: dict[int, list[str]] = {}
    rendered: dict[str, RenderedFamily] = {}
    for family in snapshot.families:
        labels = texts.get(id(family.label_sets))
        if labels is None:
            labels = texts[id(family.label_sets)] = await _label_texts_in_steps(pause, family.label_sets)
        metric = family.metric
        deflater, series = Deflater(), 0
        for start in range(0, len(labels), LINES_PER_STEP):
            end = start + LINES_PER_STEP
            lines = sample_lines(metric.name, labels[start:end], family.values[start:end])
            deflater.write(lines.encode())
            series += lines.count("\n")
            await pause()
        if series:
            top = header(metric.name, metric.type, metric.help)
            rendered[metric.name] = RenderedFamily(top, deflater.segment(), series)
    return rendered


async def _label_texts_in_steps(pause: Pause, label_sets: LabelSets) -> list[str]:
    texts: list[str] = []
    for start in range(0, len(label_sets.samples), LINES_PER_STEP):
        texts += label_texts(LabelSets(label_sets.names, label_sets.samples[start : start + LINES_PER_STEP]))
        await pause()
    return texts


def render_metrics(metrics: Iterable[Metric]) -> Rendered:
    """Render gauges and counters of a prometheus-client registry at once, because they are few."""
    rendered = {}
    for metric in metrics:
        samples = metric.samples
        names = tuple(samples[0].labels) if samples else ()  # all samples of a gauge or counter have the same
        labels = label_texts(LabelSets(names, [tuple(sample.labels.values()) for sample in samples]))
        lines = [
            f"{sample.name}{label}{_number(sample.value)}\n" for sample, label in zip(samples, labels, strict=True)
        ]
        top = header(metric.name, metric.type, metric.documentation)
        rendered[metric.name] = RenderedFamily(top, deflate("".join(lines).encode()), len(lines))
    return rendered
