"""The body of `/metrics`: rendered parts joined by family, followed by the process's own metrics.

Snapshots are rendered and compressed once per poll. Parts are joined again only after one of them changed, and only the
process's own registry is rendered for a scrape, at most once a second for each format. A scrape of single accounts has
neither the process's metrics nor those of other accounts.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

from exporter.clock import Clock
from exporter.exposition.gzip import Segment, deflate, gzip_member, inflate, join
from exporter.exposition.metrics_registry import MetricsRegistry
from exporter.exposition.negotiation import Format, FormatName, accepts_gzip, choose_format
from exporter.exposition.store import Store
from exporter.exposition.text_format import Header, Rendered, RenderedFamily, render_metrics

# Selections of accounts whose bodies are kept, beside one for each account: more would let clients fill the memory.
MOST_COMBINATIONS = 16

# Process metrics such as CPU and memory may be this old. Metrics about polling are never old.
LIVE_SECONDS = 1.0


NOTHING = CollectorRegistry()


class ScrapeResponse(NamedTuple):
    """The response to a scrape; `content_encoding` None is uncompressed."""

    body: bytes
    content_type: str
    content_encoding: str | None


@dataclass(slots=True)
class _Joined:
    """Bodies joined from one `version` of the parts, and the responses made of them."""

    version: tuple[object, ...]
    segments: dict[FormatName, Segment] = field(default_factory=dict)
    live_until: float = 0.0
    responses: dict[tuple[Format, bool], ScrapeResponse] = field(default_factory=dict)


class Exposition:
    """Responds to scrapes from the store and the registries alone."""

    def __init__(self, store: Store, process: MetricsRegistry, clock: Clock) -> None:
        self._store = store
        self._process = process
        self._clock = clock
        self._accounts: dict[str, MetricsRegistry] = {}
        self._rendered: dict[str, tuple[MetricsRegistry, int, Rendered]] = {}
        self._headers: dict[str, Segment] = {}
        self._joined: dict[tuple[str, ...] | None, _Joined] = {}  # by accounts; None is everything

    def set_accounts(self, accounts: Mapping[str, MetricsRegistry]) -> None:
        """Replace the accounts whose registries are shown, from the next scrape on."""
        self._accounts = dict(accounts)
        # Those of accounts that stay are kept: after a reload, a scrape must not have to render all of a fleet.
        self._rendered = {name: rendered for name, rendered in self._rendered.items() if name in accounts}
        self._joined = {}

    def has(self, accounts: Iterable[str]) -> bool:
        """Return whether one of these accounts exists."""
        return bool(self._selection(accounts))

    def scrape(
        self, accept: str, accept_encoding: str, names: Sequence[str], accounts: Collection[str] | None = None
    ) -> ScrapeResponse:
        """Return the response for these Accept headers; only the families in `names` if there are any.

        With `accounts`, it has only the series of those that exist.
        """
        chosen, zipped = choose_format(accept), accepts_gzip(accept_encoding)
        selected = None if accounts is None else self._selection(accounts)
        if names:
            return self._filtered(chosen, frozenset(names), selected, zipped=zipped)
        joined = self._current(selected)
        response = joined.responses.get((chosen, zipped))
        if response is None:
            if chosen.name not in joined.segments:
                joined.segments[chosen.name] = join(self._segments(chosen.name, lambda _: True, selected))
            live = _live_text(self._process if selected is None else NOTHING, chosen.name)
            response = _body(joined.segments[chosen.name], live, chosen, zipped=zipped)
            joined.responses[chosen, zipped] = response
        return response

    def _selection(self, accounts: Iterable[str]) -> tuple[str, ...]:
        # The registry of the public catalogue has an empty name: it belongs to no account.
        return tuple(sorted(self._accounts.keys() & {account for account in accounts if account}))

    def _current(self, accounts: tuple[str, ...] | None) -> _Joined:
        """Return the joined bodies of these accounts, or of everything, without those that are out of date.

        Another account's poll does not make the bodies of these accounts out of date.
        """
        now = self._clock.monotonic()
        names = self._accounts if accounts is None else accounts
        registries = tuple(self._accounts[name].version for name in names)
        if accounts is None:
            version: tuple[object, ...] = (self._store.version(now), self._process.version, *registries)
        else:
            version = (*self._store.shown(now, accounts), *registries)
        joined = self._joined.pop(accounts, None)
        if joined is None or joined.version != version:
            joined = _Joined(version)
        if accounts is None and now >= joined.live_until:
            joined.live_until = now + LIVE_SECONDS
            joined.responses.clear()
        self._joined[accounts] = joined
        if len(self._joined) > len(self._accounts) + MOST_COMBINATIONS:
            del self._joined[next(iter(self._joined))]  # the least recently requested
        return joined

    def _segments(
        self, format_: FormatName, wanted: Callable[[str], bool], accounts: Collection[str] | None
    ) -> Iterator[Segment]:
        """Yield the header of each wanted family, then its lines from every part that has some."""
        families: dict[str, list[RenderedFamily]] = {}
        registries = map(self._account_part, self._accounts if accounts is None else accounts)
        for part in (*self._store.parts(self._clock.monotonic(), accounts), *registries):
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
        """Render an account's registry now, so that the next scrape does not have to."""
        if account in self._accounts:
            self._account_part(account)

    def _account_part(self, account: str) -> Rendered:
        metrics_registry = self._accounts[account]
        last = self._rendered.get(account)
        if last is not None and last[0] is metrics_registry and last[1] == metrics_registry.version:
            return last[2]
        rendered = render_metrics(metrics_registry.collect())
        self._rendered[account] = metrics_registry, metrics_registry.version, rendered
        return rendered

    def _filtered(
        self, format_: Format, names: frozenset[str], accounts: Collection[str] | None, *, zipped: bool
    ) -> ScrapeResponse:
        """Respond to `name[]=`, which names a family or one of its samples."""
        segments = self._segments(format_.name, lambda name: name in names or f"{name}_total" in names, accounts)
        process = NOTHING if accounts is not None else _Filtered(self._process, names)
        return _body(join(segments), _live_text(process, format_.name), format_, zipped=zipped)


@dataclass(frozen=True, slots=True)
class _Filtered:
    """A registry reduced to the families in `names`."""

    registry: CollectorRegistry
    names: frozenset[str]

    def collect(self) -> Iterator[Metric]:
        """Yield each family that has one of the names, with all its samples."""
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
