"""The API's certificate is verified with the currently configured authorities."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import trustme
from aiohttp import web

from exporter.clock import SystemClock
from exporter.simulator.application import make_application
from exporter.simulator.service import SimulatorSettings
from tests.daemon.conftest import serving, usage, value
from tests.daemon.test_reload import post


@asynccontextmanager
async def simulator_behind_tls(authority: trustme.CA) -> AsyncIterator[str]:
    """Run a simulator with a certificate of this authority, and return its URL."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    runner = web.AppRunner(make_application(SimulatorSettings(), SystemClock()), shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        yield f"https://127.0.0.1:{runner.addresses[0][1]}/api/v1"
    finally:
        await runner.cleanup()


async def test_certificate_is_accepted_once_its_authority_is_in_the_file(
    write_configuration: Callable[..., Path], tmp_path: Path
) -> None:
    """Until then it is refused as a failed connection. The file is replaced in place, and a reload reads it."""
    theirs, wrong = trustme.CA(), trustme.CA()
    file = tmp_path / "authorities.pem"
    wrong.cert_pem.write_to_path(file)
    async with simulator_behind_tls(theirs) as url:
        path = write_configuration(url)
        path.write_text(path.read_text().replace("  timeout:", f"  tls: {{ca_file: {file}}}\n  timeout:", 1))
        async with serving(path, "--web.enable-lifecycle") as daemon:
            refused = await daemon.until(
                lambda result: bool(value(result, "openrouter_exporter_api_failures_total", status_class="connection"))
            )
            assert {} == usage(refused)
            theirs.cert_pem.write_to_path(file)
            assert 200 == (await post(daemon, "-/reload"))[0]
            await daemon.until(lambda result: value(result, "openrouter_up") == 1)
