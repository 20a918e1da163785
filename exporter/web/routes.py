"""The routes: from a request to an answer. `/metrics` first and with as little in its way as can be."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import structlog
from aiohttp import web

from exporter.clock import Clock
from exporter.errors import ExporterError
from exporter.status import Status
from exporter.web.interface import Daemon
from exporter.web.page.landing import landing_page
from exporter.web.responses import Heads, Reply, WebResponse, text
from exporter.web.status_json import status_json
from exporter.web.web_settings import WebSettings

if TYPE_CHECKING:
    from exporter.web.auth import AccessControl

Handler = Callable[[], WebResponse] | Callable[[], Awaitable[WebResponse]]

T = TypeVar("T")

MOST_AT_ONCE = 20  # collectors whose page is rendered in 2 ms
READ = ("GET", "HEAD")
CHANGE = ("POST", "PUT")
PAGE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

_log = structlog.get_logger(__name__)


class Routes:
    """Answers every request of the server, if the gate lets it in; without one, everybody is."""

    def __init__(self, daemon: Daemon, settings: WebSettings, clock: Clock, gate: AccessControl | None = None) -> None:
        self.heads = Heads(clock)
        self._clock = clock
        self._gate = gate
        self._daemon = daemon
        self._settings = settings
        self._metrics = settings.path(settings.telemetry_path)
        self._routes: dict[str, tuple[tuple[str, ...], Handler]] = {
            settings.path("/"): (READ, self.landing),
            settings.path("/-/healthy"): (READ, self.healthy),
            settings.path("/-/ready"): (READ, self.ready),
            settings.path("/-/status"): (READ, self.status),
            settings.path("/-/config"): (READ, self.configuration),
            settings.path("/-/reload"): (CHANGE, self.reload),
        }
        if settings.route_prefix:
            self._routes.setdefault("/", (READ, self.to_prefix))
            self._routes.setdefault(settings.route_prefix, (READ, self.to_prefix))

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request; whatever goes wrong in a handler is logged, and the client learns no more than 500."""
        try:
            if self._gate is not None and (refusal := await self._pass(self._gate, request)) is not None:
                return self._reply(refusal)
            if request.raw_path == self._metrics and request.method in READ:
                return self._scrape(request, ())
            if request.path == self._metrics:
                if request.method in READ:
                    return self._scrape(request, request.query.getall("name[]", []))
                return self._reply(_not_allowed(READ))
            return self._reply(await self._dispatch(request.method, request.path))
        except Exception:  # noqa: BLE001  # the last line of defence between a mistake of ours and the client
            _log.exception("request_crashed", method=request.method, path=request.path)
            return self._reply(text(500, "Internal server error; the exporter's log says more."))

    async def _pass(self, gate: AccessControl, request: web.BaseRequest) -> WebResponse | None:
        configuration = gate.live.current()
        if configuration.headers != self.heads.configured:
            self.heads = Heads(self._clock, configuration.headers)
        return await gate.refusal(request, configuration)

    def _scrape(self, request: web.BaseRequest, names: list[str] | tuple[str, ...]) -> Reply:
        headers = request.headers
        accept, accept_encoding = (", ".join(headers.getall(name, ())) for name in ("Accept", "Accept-Encoding"))
        answer = self._daemon.scrape(accept, accept_encoding, names)
        encoding = answer.content_encoding
        vary = _VARY if encoding is None else (*_VARY, ("Content-Encoding", encoding))
        heads = self.heads
        return Reply(heads.head(200, answer.content_type, vary), answer.body, heads.date())

    def _reply(self, answer: WebResponse) -> Reply:
        head = self.heads.head(answer.status, answer.content_type, answer.headers)
        return Reply(head, answer.body, self.heads.date())

    async def _dispatch(self, method: str, path: str) -> WebResponse:
        route = self._routes.get(path)
        if route is None:
            return text(404, "Not found.")
        methods, handler = route
        if method not in methods:
            return _not_allowed(methods)
        answer = handler()
        return answer if isinstance(answer, WebResponse) else await answer

    async def landing(self) -> WebResponse:
        """Return the landing page."""
        status = self._daemon.status()
        page = await _aside(status, partial(landing_page, status, self._settings))
        headers = (("Content-Security-Policy", PAGE_POLICY), ("X-Frame-Options", "deny"))
        return WebResponse(200, page.encode(errors="replace"), "text/html; charset=utf-8", headers)

    def to_prefix(self) -> WebResponse:
        """Send a browser that left out the route prefix to where the landing page is."""
        place = self._settings.path("/")
        return text(307, f"See {place}", (("Location", place),))

    def healthy(self) -> WebResponse:
        """Return 200 while the daemon works."""
        reason = self._daemon.healthy()
        return text(200, "Healthy.") if reason is None else text(503, f"Not healthy: {reason}")

    def ready(self) -> WebResponse:
        """Return 200 once every collector has attempted, and until the daemon drains."""
        reason = self._daemon.ready()
        return text(200, "Ready.") if reason is None else text(503, f"Not ready: {reason}")

    async def status(self) -> WebResponse:
        """Return how collecting goes, for programs."""
        status = self._daemon.status()
        return WebResponse(200, await _aside(status, partial(status_json, status)), "application/json")

    def configuration(self) -> WebResponse:
        """Return the effective configuration."""
        return WebResponse(200, self._daemon.configuration().encode())

    async def reload(self) -> WebResponse:
        """Reload the configuration, if that may be done over HTTP."""
        if not self._settings.enable_lifecycle:
            return text(403, "Reloading over HTTP is off; start the exporter with --web.enable-lifecycle to allow it.")
        try:
            await self._daemon.reload()
        except ExporterError as error:
            return text(500, f"Not reloaded, the old configuration stays:\n{error}")
        return text(200, "Reloaded.")


_VARY = (("Vary", "Accept, Accept-Encoding"),)


async def _aside(status: Status, render: Callable[[], T]) -> T:
    """Render what takes long in a thread: 500 accounts are 50 ms, which a scrape must not wait for."""
    return render() if len(status.collectors) <= MOST_AT_ONCE else await asyncio.to_thread(render)


def _not_allowed(methods: tuple[str, ...]) -> WebResponse:
    return text(405, "Method not allowed.", (("Allow", ", ".join(methods)),))
