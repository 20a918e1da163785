"""Routes: from a request to its response."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import structlog
from aiohttp import web

from exporter.errors import AccountsRejected, ExporterError, UnknownAccount
from exporter.status import Status
from exporter.web.interface import Daemon
from exporter.web.page.account_table import ACCOUNTS
from exporter.web.page.landing import REFRESH, SHORTEST_REFRESH, account_page, landing_page
from exporter.web.responses import make_response, set_headers, text_response
from exporter.web.status_json import status_json
from exporter.web.web_settings import WebSettings

if TYPE_CHECKING:
    from exporter.web.auth import AccessControl

Handler = Callable[[web.BaseRequest], Awaitable[web.Response]]

T = TypeVar("T")

COLLECTORS_PER_STEP = 20  # the page of that many collectors takes 2 ms to render
READ = ("GET", "HEAD")
CHANGE = ("POST", "PUT")
VARY = {"Vary": "Accept, Accept-Encoding"}
PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Frame-Options": "deny",
}

_log = structlog.get_logger(__name__)


class Routes:
    """Responds to every request that access control lets through; without access control, to all."""

    def __init__(self, daemon: Daemon, settings: WebSettings, access_control: AccessControl | None = None) -> None:
        self._access_control = access_control
        self._daemon = daemon
        self._settings = settings
        self._routes: dict[str, tuple[Sequence[str], Handler]] = {
            settings.path("/"): (READ, self.landing),
            settings.path("/-/healthy"): (READ, self.healthy),
            settings.path("/-/ready"): (READ, self.ready),
            settings.path("/-/status"): (READ, self.status),
            settings.path("/-/config"): (READ, self.configuration),
            settings.path("/-/reload"): (CHANGE, self.reload),
            settings.path(settings.telemetry_path): (READ, self.metrics),
        }
        if settings.route_prefix:
            self._routes.setdefault("/", (READ, self.to_prefix))
            self._routes.setdefault(settings.route_prefix, (READ, self.to_prefix))

    async def __call__(self, request: web.BaseRequest) -> web.Response:
        """Respond to a request, with the headers of the web configuration."""
        if self._access_control is None:
            return await self._respond(request)
        configuration = self._access_control.live.current()
        refusal = await self._access_control.refusal(request, configuration)
        response = await self._respond(request) if refusal is None else refusal
        set_headers(response, configuration.headers)
        return response

    async def _respond(self, request: web.BaseRequest) -> web.Response:
        route = self._routes.get(request.path)
        if route is None and request.path.startswith(self._settings.path(ACCOUNTS)):
            route = (READ, self.account)
        if route is None:
            return text_response(404, "Not found.")
        methods, handler = route
        if request.method not in methods:
            return text_response(405, "Method not allowed.", {"Allow": ", ".join(methods)})
        try:
            return await handler(request)
        except Exception:  # noqa: BLE001  # the last line of defence between a mistake of ours and the client
            _log.exception("request_crashed", method=request.method, path=request.path)
            return text_response(500, "Internal server error; the exporter's log has the details.")

    async def metrics(self, request: web.BaseRequest) -> web.Response:
        """Return the exposition in the format and encoding that the scraper accepts."""
        headers = request.headers
        accept, accept_encoding = (", ".join(headers.getall(name, ())) for name in ("Accept", "Accept-Encoding"))
        names, accounts = (request.query.getall(key, []) for key in ("name[]", "account"))
        try:
            body, content_type, encoding = self._daemon.scrape(accept, accept_encoding, names, accounts)
        except UnknownAccount as error:
            return text_response(404, str(error))
        vary = VARY if encoding is None else {**VARY, "Content-Encoding": encoding}
        return make_response(200, body, content_type, vary)

    async def landing(self, request: web.BaseRequest) -> web.Response:
        """Return the landing page."""
        status = self._status()
        page = await _rendered(status, partial(landing_page, status, self._settings, _refresh(request)))
        return make_response(200, page.encode(errors="replace"), "text/html; charset=utf-8", PAGE_HEADERS)

    async def account(self, request: web.BaseRequest) -> web.Response:
        """Return the page of an account."""
        status, name = self._status(), request.path.removeprefix(self._settings.path(ACCOUNTS))
        page = await _rendered(status, partial(account_page, status, name, self._settings, _refresh(request)))
        if page is None:
            return text_response(404, "There is no account of this name.")
        return make_response(200, page.encode(errors="replace"), "text/html; charset=utf-8", PAGE_HEADERS)

    async def to_prefix(self, _: web.BaseRequest) -> web.Response:
        """Redirect a browser that left out the route prefix."""
        location = self._settings.path("/")
        return text_response(307, f"See {location}", {"Location": location})

    async def healthy(self, _: web.BaseRequest) -> web.Response:
        """Return 200 while the daemon works."""
        reason = self._daemon.healthy()
        return text_response(200, "Healthy.") if reason is None else text_response(503, f"Not healthy: {reason}")

    async def ready(self, _: web.BaseRequest) -> web.Response:
        """Return 200 once every collector has attempted a poll, and until the daemon stops."""
        reason = self._daemon.ready()
        return text_response(200, "Ready.") if reason is None else text_response(503, f"Not ready: {reason}")

    async def status(self, _: web.BaseRequest) -> web.Response:
        """Return the state of each collector as JSON."""
        status = self._status()
        return make_response(200, await _rendered(status, partial(status_json, status)), "application/json")

    def _status(self) -> Status:
        status = self._daemon.status()
        mistakes = () if self._access_control is None else self._access_control.live.mistakes
        return replace(status, reload_mistakes=(*status.reload_mistakes, *mistakes)) if mistakes else status

    async def configuration(self, _: web.BaseRequest) -> web.Response:
        """Return the effective configuration."""
        return make_response(200, self._daemon.configuration().encode())

    async def reload(self, request: web.BaseRequest) -> web.Response:
        """Reload the configuration, if that is allowed over HTTP."""
        # Only browsers send this header: a page of another site must not use its visitor's access.
        if request.headers.get("Sec-Fetch-Site") in ("cross-site", "same-site"):
            return text_response(403, "Refused: the request comes from a page of another site.")
        if not self._settings.enable_lifecycle:
            return text_response(
                403, "Reloading over HTTP is off; start the exporter with --web.enable-lifecycle to allow it."
            )
        try:
            await self._daemon.reload()
        except AccountsRejected as error:
            return text_response(500, f"Reloaded, except for these accounts, which stay as they were:\n{error}")
        except ExporterError as error:
            return text_response(500, f"Not reloaded, the old configuration stays:\n{error}")
        return text_response(200, "Reloaded.")


def _refresh(request: web.BaseRequest) -> int:
    """Return the seconds after which browsers reload a page, from `?refresh=`; 0 is never."""
    wanted = request.query.get("refresh", "")
    if not (wanted.isascii() and wanted.isdecimal()):
        return REFRESH
    return int(wanted[:4]) and max(int(wanted[:4]), SHORTEST_REFRESH)


async def _rendered(status: Status, render: Callable[[], T]) -> T:
    """Render in a thread if there is much to render: 500 accounts take 50 ms, which would delay scrapes."""
    return render() if len(status.collectors) <= COLLECTORS_PER_STEP else await asyncio.to_thread(render)
