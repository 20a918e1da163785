"""The OpenRouter API on loopback, as an aiohttp application."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from email.utils import format_datetime
from typing import Any

from aiohttp import web

from exporter.clock import Clock
from exporter.simulator import analytics_endpoints
from exporter.simulator.fault_effects import answer_instead, of_stage, spoil_body
from exporter.simulator.faults import FaultKind, FaultPlan, Stage, as_json, read_faults
from exporter.simulator.http_responses import json_response
from exporter.simulator.service import PREFIX, SeenRequest, Simulator, SimulatorSettings
from exporter.simulator.transport import misbehave, send, send_endless, waited

SIMULATOR = web.AppKey("simulator", Simulator)
_WITH_ROWS = ("/activity", analytics_endpoints.QUERY)
_ENDLESS = (FaultKind.OVERSIZED, FaultKind.GZIP_BOMB)


@dataclass(frozen=True, slots=True)
class Running:
    """A simulator that listens."""

    url: str  # the API's base URL
    origin: str
    simulator: Simulator

    @property
    def faults(self) -> FaultPlan:
        """Return the faults in force; `faults.replace(...)` changes them."""
        return self.simulator.faults

    @property
    def requests(self) -> deque[SeenRequest]:
        """Return the last requests, the newest at the end."""
        return self.simulator.requests

    @property
    def counts(self) -> Counter[str]:
        """Return how often each path was asked for."""
        return self.simulator.counts


def make_application(settings: SimulatorSettings, clock: Clock) -> web.Application:
    """Return the service as an application; `running` serves it in a way that stops at once."""
    application = web.Application()
    application[SIMULATOR] = Simulator(settings, clock)
    application.on_shutdown.append(_stop)
    application.router.add_get("/_simulator/requests", _show_requests)
    application.router.add_get("/_simulator/faults", _show_faults)
    application.router.add_post("/_simulator/faults", _set_faults)
    application.router.add_delete("/_simulator/faults", _clear_faults)
    application.router.add_route("*", "/{path:.*}", _serve)
    return application


@asynccontextmanager
async def running(
    settings: SimulatorSettings, clock: Clock, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[Running]:
    """Serve while the context lasts. Port 0 takes any that is free."""
    application = make_application(settings, clock)
    # Cancelling handlers whose client left keeps hanging requests from piling up.
    runner = web.AppRunner(
        application, handle_signals=False, handler_cancellation=True, access_log=None, shutdown_timeout=1.0
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        bound_host, bound_port = runner.addresses[0][:2]
        origin = f"http://{f'[{bound_host}]' if ':' in bound_host else bound_host}:{bound_port}"
        yield Running(origin + PREFIX, origin, application[SIMULATOR])
    finally:
        await runner.cleanup()


async def _serve(request: web.Request) -> web.StreamResponse:
    simulator = request.app[SIMULATOR]
    operation = request.path.removeprefix(PREFIX)
    struck = simulator.faults.strike(operation, has_rows=operation in _WITH_ROWS)
    content = await request.read()
    simulator.record(request, content, struck)
    instead, on_socket = of_stage(struck, Stage.ANSWER), of_stage(struck, Stage.SOCKET)
    for fault in struck:
        if fault.delay and fault.kind is not FaultKind.SLOW:
            await waited(simulator.stopping, fault.delay)
    headers = {"Date": format_datetime(simulator.now(), usegmt=True), "Server": "cloudflare"}
    if instead and instead[0].kind in _ENDLESS:
        return await send_endless(request, instead[0].kind, headers, simulator.stopping)
    if instead:
        answer = answer_instead(instead[0], simulator.now())
    else:
        answer = simulator.answer(request, content, of_stage(struck, Stage.ROWS))
    for fault in of_stage(struck, Stage.BODY):
        answer = spoil_body(answer, fault)
    if on_socket:
        return await misbehave(request, answer, headers, on_socket[0], simulator.stopping)
    return await send(request, answer, headers)


async def _stop(application: web.Application) -> None:
    application[SIMULATOR].stopping.set()


async def _show_requests(request: web.Request) -> web.Response:
    simulator = request.app[SIMULATOR]
    return _json({"counts": simulator.counts, "requests": [asdict(seen) for seen in simulator.requests]})


async def _show_faults(request: web.Request) -> web.Response:
    return _json([as_json(fault) for fault in request.app[SIMULATOR].faults.active])


async def _set_faults(request: web.Request) -> web.Response:
    try:
        request.app[SIMULATOR].faults.replace(*read_faults(await request.read()))
    except ValueError as error:
        return _json({"error": {"message": str(error), "code": 400}}, status=400)
    return await _show_faults(request)


async def _clear_faults(request: web.Request) -> web.Response:
    request.app[SIMULATOR].faults.replace()
    return web.Response(status=204)


def _json(content: Any, status: int = 200) -> web.Response:
    body = json_response(content).body.plain
    return web.Response(status=status, body=body, content_type="application/json")
