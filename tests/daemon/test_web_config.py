"""`--web.config.file` in the whole daemon: TLS and passwords on every path, and the health check."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path

import aiohttp
import bcrypt
import trustme

from exporter.simulator.application import Running
from tests.daemon.conftest import run, serving


def web_config(directory: Path, *, client_auth: str = "NoClientCert", users: bool = False) -> tuple[Path, trustme.CA]:
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    certificate.private_key_pem.write_to_path(directory / "key.pem")
    certificate.cert_chain_pems[0].write_to_path(directory / "cert.pem")
    authority.cert_pem.write_to_path(directory / "ca.pem")
    text = "tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\n"
    if client_auth != "NoClientCert":
        text += f"  client_auth_type: {client_auth}\n  client_ca_file: ca.pem\n"
    if users:
        text += f"basic_auth_users:\n  prometheus: {bcrypt.hashpw(b'open sesame', bcrypt.gensalt(4)).decode()}\n"
    path = directory / "web.yaml"
    path.write_text(text)
    return path, authority


async def test_every_path_requires_tls_and_a_password(
    simulator: Running, write_configuration: Callable[..., Path], tmp_path: Path
) -> None:
    """The health check accepts 401 as a response."""
    path, authority = web_config(tmp_path, users=True)
    context = ssl.create_default_context()
    authority.configure_trust(context)
    async with serving(write_configuration(simulator.url), f"--web.config.file={path}") as daemon:
        assert daemon.url.startswith("https://")
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as session:
            for route in ("metrics", "-/healthy", "-/status", ""):
                async with session.get(daemon.url + route) as refused:
                    assert 401 == refused.status, route
            authorization = aiohttp.encode_basic_auth("prometheus", "open sesame")
            async with session.get(daemon.url + "metrics", headers={"Authorization": authorization}) as response:
                assert 200 == response.status
                assert "openrouter_up" in await response.text()
        address = daemon.url.removeprefix("https://").rstrip("/")
        code, out, _ = await run("healthcheck", f"--web.listen-address={address}")
        assert (0, "healthy: requires a password\n") == (code, out)


async def test_healthcheck_needs_no_client_certificate(
    simulator: Running, write_configuration: Callable[..., Path], tmp_path: Path
) -> None:
    """A server that requires one is alive."""
    path, _ = web_config(tmp_path, client_auth="RequireAndVerifyClientCert")
    async with serving(write_configuration(simulator.url), f"--web.config.file={path}") as daemon:
        address = daemon.url.removeprefix("https://").rstrip("/")
        code, out, err = await run("healthcheck", f"--web.listen-address={address}")
        assert (0, "healthy: requires a client certificate\n", "") == (code, out, err)


async def test_invalid_web_configuration_exits_with_1_and_locates_each_mistake(
    simulator: Running, write_configuration: Callable[..., Path], tmp_path: Path
) -> None:
    bad = tmp_path / "web.yaml"
    bad.write_text("tls_server_config:\n  cert_fil: x\n")
    configuration = write_configuration(simulator.url)
    for command in ("serve", "check-config"):
        code, _, err = await run(
            command,
            f"--config.file={configuration}",
            f"--web.config.file={bad}",
            variables={"OPENROUTER_API_KEY": "sk-or-v1-demo"},
        )
        assert 1 == code
        assert f"{bad}:2:3" in err
        assert "cert_file" in err
