"""Addresses and paths of the web server: several addresses, IPv6, a route prefix, another telemetry path."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import aiohttp

from exporter.simulator.application import Running
from tests.daemon.conftest import run, serving


async def test_every_address_serves_the_route_prefix(
    simulator: Running, write_configuration: Callable[..., Path]
) -> None:
    """The health check uses it too."""
    options = ("--web.listen-address=[::1]:0", "--web.route-prefix=/openrouter", "--web.telemetry-path=/usage")
    async with serving(write_configuration(simulator.url), *options) as daemon:
        addresses = (await daemon.until_logged("started"))["addresses"]
        assert 2 == len(addresses)
        async with aiohttp.ClientSession() as session:
            for address in addresses:
                assert address.endswith("/openrouter/")
                async with session.get(address + "usage") as response:
                    assert 200 == response.status
        host = addresses[1].removeprefix("http://").removesuffix("/openrouter/")
        code, out, _ = await run("healthcheck", f"--web.listen-address={host}", "--web.route-prefix=/openrouter")
        assert (0, "healthy\n") == (code, out)


async def test_slow_and_idle_clients_do_not_stop_scrapes(
    simulator: Running, write_configuration: Callable[..., Path]
) -> None:
    """A scrape is served beside a thousand connections that send one byte or nothing."""
    async with serving(write_configuration(simulator.url)) as daemon:
        host, port = daemon.url.removeprefix("http://").rstrip("/").split(":")
        idle = await asyncio.gather(*(asyncio.open_connection(host, int(port)) for _ in range(1000)))
        for _, writer in idle[::2]:
            writer.write(b"G")
        await daemon.scrape()
        for _, writer in idle:
            writer.close()
        assert 200 == (await daemon.get("-/healthy"))[0]


async def test_missing_systemd_socket_is_an_error(simulator: Running, write_configuration: Callable[..., Path]) -> None:
    """The daemon would not be reachable."""
    configuration = write_configuration(simulator.url)
    code, _, err = await run(
        "serve",
        f"--config.file={configuration}",
        "--web.systemd-socket",
        variables={"OPENROUTER_API_KEY": "sk-or-v1-demo"},
    )
    assert 1 == code
    assert "systemd passed no socket" in err
