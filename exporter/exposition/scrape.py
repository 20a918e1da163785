"""The body of `/metrics`: rendered parts joined by family, and the process's own live numbers behind them.

What polls brought is rendered and compressed once; a scrape joins bytes. Only when a part has changed are the parts
joined anew, and only the process's own registry is rendered per scrape, at most once a second.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

from exporter.clock import Clock
from exporter.exposition.gzip import Segment, deflate, gzip_member, inflate, join
from exporter.exposition.metrics_registry import MetricsRegistry
from exporter.exposition.negotiation import Format, FormatName, accepts_gzip, choose_format
from exporter.exposition.store import Store
from exporter.exposition.text_format import Header, Rendered, RenderedFamily, render_metrics

# CPU and memory may be this old; every number about polling is exact.
LIVE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class ScrapeResponse:
    """One answer to a scrape."""

    body: bytes
    content_type: str
    content_encoding: str | None


@dataclass(slots=True)
class _Joined:
    """Bodies made for one state of the parts."""

    version: tuple[int, ...]
    segments: dict[FormatName, Segment] = field(default_factory=dict)
    live_until: float = 0.0
    live: dict[FormatName, bytes] = field(default_factory=dict)
    answers: dict[tuple[Format, bool], ScrapeResponse] = field(default_factory=dict)


class Exposition:
    """Answers scrapes from the store and from the registries; asks nobody else."""

    def __init__(self, store: Store, process: MetricsRegistry, clock: Clock) -> None:
        self._store = store
        self._process = process
        self._clock = clock
        self._accounts: dict[str, MetricsRegistry] = {}
        self._rendered: dict[str, tuple[int, Rendered]] = {}
        self._headers: dict[str, Segment] = {}
        self._joined = _Joined(())

    def set_accounts(self, accounts: Mapping[str, MetricsRegistry]) -> None:
        """Show these accounts' registries and no others from the next scrape on."""
        self._accounts = dict(accounts)
        self._rendered = {}
        self._joined = _Joined(())

    def scrape(self, accept: str, accept_encoding: str, names: Sequence[str]) -> ScrapeResponse:
        """Return what a scraper that accepts this gets; `names`, if any, are the families it wants."""
        chosen, zipped = choose_format(accept), accepts_gzip(accept_encoding)
        if names:
            return self._filtered(chosen, frozenset(names), zipped=zipped)
        joined = self._current()
        answer = joined.answers.get((chosen, zipped))
        if answer is None:
            if chosen.name not in joined.segments:
                joined.segments[chosen.name] = join(self._segments(chosen.name, lambda _: True))
            if chosen.name not in joined.live:
                joined.live[chosen.name] = _live_text(self._process, chosen.name)
            answer = _body(joined.segments[chosen.name], joined.live[chosen.name], chosen, zipped=zipped)
            joined.answers[chosen, zipped] = answer
        return answer

    def _current(self) -> _Joined:
        """Return the state of the joined bodies, emptied of what is no longer true."""
        now = self._clock.monotonic()
        registries = (self._process, *self._accounts.values())
        version = (self._store.version(now), *(metrics_registry.version for metrics_registry in registries))
        if version != self._joined.version:
            self._joined = _Joined(version)
        if now >= self._joined.live_until:
            self._joined.live_until = now + LIVE_SECONDS
            self._joined.live.clear()
            self._joined.answers.clear()
        return self._joined

    def _segments(self, format_: FormatName, wanted: Callable[[str], bool]) -> Iterator[Segment]:
        """Yield every wanted family once: its header, then the lines of each part that has it."""
        families: dict[str, list[RenderedFamily]] = {}
        for part in (*self._store.parts(self._clock.monotonic()), *map(self._account_part, self._accounts)):
            for name, family in part.items():
                if wanted(name):
                    families.setdefault(name, []).append(family)
        for members in families.values():
            yield self._header(members[0].header, format_)
            for family in members:
                yield family.lines

    def _header(self, header: Header, format_: FormatName) -> Segment:
        text = header.openmetrics if format_ == "openmetrics" else header.text
        if text not in self._headers:
            self._headers[text] = deflate(text.encode())
        return self._headers[text]

    def refresh(self, account: str) -> None:
        """Render an account's registry now: its poll pays for it, not the scrape."""
        if account in self._accounts:
            self._account_part(account)

    def _account_part(self, account: str) -> Rendered:
        metrics_registry = self._accounts[account]
        version, rendered = self._rendered.get(account, (-1, {}))
        if version != metrics_registry.version:
            rendered = render_metrics(metrics_registry.collect())
            self._rendered[account] = metrics_registry.version, rendered
        return rendered

    def _filtered(self, format_: Format, names: frozenset[str], *, zipped: bool) -> ScrapeResponse:
        """Answer `name[]=`: a family is wanted by its own name or by one of its samples'."""
        static = join(self._segments(format_.name, lambda name: name in names or f"{name}_total" in names))
        return _body(static, _live_text(_Chosen(self._process, names), format_.name), format_, zipped=zipped)


@dataclass(frozen=True, slots=True)
class _Chosen:
    """A registry of which only these families are shown, each whole."""

    registry: CollectorRegistry
    names: frozenset[str]

    def collect(self) -> Iterator[Metric]:
        """Yield them."""
        for metric in self.registry.collect():
            if metric.name in self.names or any(sample.name in self.names for sample in metric.samples):
                yield metric


def _live_text(registry: Any, format_: FormatName) -> bytes:
    if format_ == "openmetrics":
        return bytes(generate_openmetrics(registry))  # type: ignore[no-untyped-call]
    return generate_latest(registry)


def _body(static: Segment, live: bytes, format_: Format, *, zipped: bool) -> ScrapeResponse:
    if zipped:
        return ScrapeResponse(gzip_member(static, live), format_.content_type, "gzip")
    return ScrapeResponse(b"".join((*inflate(static), live)), format_.content_type, None)
