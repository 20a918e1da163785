"""The OpenRouter API on loopback, as an aiohttp application."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from email.utils import format_datetime

from aiohttp import web

from exporter.clock import Clock
from exporter.simulator import analytics_endpoints
from exporter.simulator.fault_effects import corrupt_body, of_stage, replacement
from exporter.simulator.faults import FaultKind, FaultPlan, Stage, as_json, parse_faults
from exporter.simulator.service import PREFIX, SeenRequest, Simulator, SimulatorSettings
from exporter.simulator.transport import misbehave, send_endless, wait_or_stop, whole

SIMULATOR = web.AppKey("simulator", Simulator)
_WITH_ROWS = ("/activity", analytics_endpoints.QUERY)
_ENDLESS = (FaultKind.OVERSIZED, FaultKind.GZIP_BOMB)


@dataclass(frozen=True, slots=True)
class Running:
    """A running simulator."""

    url: str  # the API's base URL
    origin: str
    faults: FaultPlan  # `faults.replace(...)` changes them
    requests: deque[SeenRequest]  # the last ones, the newest last
    counts: Counter[str]  # requests by path


def make_application(settings: SimulatorSettings, clock: Clock) -> web.Application:
    """Return the service as an application; `running` serves it so that it stops at once."""
    application = web.Application()
    application[SIMULATOR] = Simulator(settings, clock)
    application.on_shutdown.append(_stop)
    application.add_routes(
        [
            web.get("/_simulator/requests", _show_requests),
            web.get("/_simulator/faults", _show_faults),
            web.post("/_simulator/faults", _set_faults),
            web.delete("/_simulator/faults", _clear_faults),
            web.route("*", "/{path:.*}", _serve),
        ]
    )
    return application


@asynccontextmanager
async def running(
    settings: SimulatorSettings, clock: Clock, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[Running]:
    """Serve until the context ends. Port 0 takes any free port."""
    application = make_application(settings, clock)
    # Hanging requests would pile up if handlers were not cancelled when the client disconnects.
    runner = web.AppRunner(
        application, handle_signals=False, handler_cancellation=True, access_log=None, shutdown_timeout=1.0
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        bound_host, bound_port = runner.addresses[0][:2]
        origin = f"http://{f'[{bound_host}]' if ':' in bound_host else bound_host}:{bound_port}"
        simulator = application[SIMULATOR]
        yield Running(origin + PREFIX, origin, simulator.faults, simulator.requests, simulator.counts)
    finally:
        await runner.cleanup()


async def _serve(request: web.Request) -> web.StreamResponse:
    simulator = request.app[SIMULATOR]
    operation = request.path.removeprefix(PREFIX)
    faults = simulator.faults.trigger(operation, has_rows=operation in _WITH_ROWS)
    content = await request.read()
    simulator.record(request, content, faults)
    for fault in faults:
        if fault.delay and fault.kind is not FaultKind.SLOW:
            await wait_or_stop(simulator.stopping, fault.delay)
    headers = {"Date": format_datetime(simulator.now(), usegmt=True), "Server": "cloudflare"}
    replacing, on_socket = of_stage(faults, Stage.RESPONSE), of_stage(faults, Stage.SOCKET)
    if replacing and replacing[0].kind in _ENDLESS:
        return await send_endless(request, replacing[0].kind, headers, simulator.stopping)
    if replacing:
        response = replacement(replacing[0], simulator.now())
    else:
        response = simulator.respond(request, content, of_stage(faults, Stage.ROWS))
    for fault in of_stage(faults, Stage.BODY):
        response = corrupt_body(response, fault)
    if on_socket:
        return await misbehave(request, response, headers, on_socket[0], simulator.stopping)
    return whole(request, response, headers)


async def _stop(application: web.Application) -> None:
    application[SIMULATOR].stopping.set()


async def _show_requests(request: web.Request) -> web.Response:
    simulator = request.app[SIMULATOR]
    return web.json_response({"counts": simulator.counts, "requests": [asdict(seen) for seen in simulator.requests]})


async def _show_faults(request: web.Request) -> web.Response:
    return web.json_response([as_json(fault) for fault in request.app[SIMULATOR].faults.active])


async def _set_faults(request: web.Request) -> web.Response:
    try:
        request.app[SIMULATOR].faults.replace(*parse_faults(await request.read()))
    except ValueError as error:
        return web.json_response({"error": {"message": str(error), "code": 400}}, status=400)
    return await _show_faults(request)


async def _clear_faults(request: web.Request) -> web.Response:
    request.app[SIMULATOR].faults.replace()
    return web.Response(status=204)
