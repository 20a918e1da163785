"""nginx with the shipped configuration lets each team see the metrics of its own account only."""

from __future__ import annotations

import shutil
from base64 import b64encode
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from exporter.clock import SystemClock
from exporter.simulator.application import running
from exporter.simulator.service import SimulatorSettings
from tests.daemon.conftest import samples, serving, value
from tests.servers.configuration import write_configuration
from tests.servers.programs import free_port, required, started, until
from tests.servers.shipped import ROOT

SHIPPED = ROOT / "config/nginx/one-account.conf"
WHOLE = """
daemon off;
user root;  # of no effect for others; the workers must be able to read the folder
pid {folder}/nginx.pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{ listen 127.0.0.1:{probe}; location / {{ return 200; }} }}
    {shipped}
}}
"""


@pytest.fixture
async def proxy(tmp_path: Path) -> AsyncIterator[str]:
    """Return the address of nginx in front of an exporter with two accounts."""
    nginx = required(shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin"), "nginx")
    path, users = tmp_path / "exporter.yaml", tmp_path / "users"
    users.write_text("team-a:{PLAIN}one\nteam-b:{PLAIN}two\nteam-c:{PLAIN}three\n")
    users.chmod(0o644)
    probe, port = free_port(), free_port()
    async with running(SimulatorSettings(), SystemClock()) as simulator:
        write_configuration(path, simulator.url, ["team-a", "team-b"])
        async with serving(path) as daemon:
            await until(lambda: daemon.get("-/ready"), lambda response: response[0] == 200)
            shipped = SHIPPED.read_text(encoding="utf-8")
            for before, after in (
                ("listen 10080", f"listen 127.0.0.1:{port}"),
                ("http://127.0.0.1:10063", daemon.url.rstrip("/")),
                ("/etc/nginx/openrouter-teams;", f"{users};"),
            ):
                assert 1 == shipped.count(before)
                shipped = shipped.replace(before, after)
            whole = tmp_path / "nginx.conf"
            whole.write_text(WHOLE.format(folder=tmp_path, probe=probe, shipped=shipped), encoding="utf-8")
            arguments = ("-c", str(whole), "-p", str(tmp_path), "-e", "stderr")
            async with started(f"http://127.0.0.1:{probe}/", tmp_path / "nginx.log", nginx, *arguments):
                yield f"http://127.0.0.1:{port}"


async def get(url: str, user: str = "", password: str = "") -> tuple[int, str]:
    credentials = b64encode(f"{user}:{password}".encode()).decode()
    headers = {"Authorization": f"Basic {credentials}"} if user else {}
    async with aiohttp.ClientSession(headers=headers) as session, session.get(url) as response:
        return response.status, await response.text()


async def test_team_sees_only_its_own_account_whatever_it_requests(proxy: str) -> None:
    """Without its password, or on any other path, it sees nothing."""
    for query in ("", "?account=team-b", "?account=team-a&account=team-b", "?name[]=openrouter_up&account=team-b"):
        status, text = await get(f"{proxy}/metrics{query}", "team-a", "one")
        shown = samples(text)
        assert (200, 1) == (status, value(shown, "openrouter_up", account="team-a"))
        assert {"team-a"} == {dict(labels).get("account") for _, labels in shown}
    assert 401 == (await get(f"{proxy}/metrics"))[0]
    assert 401 == (await get(f"{proxy}/metrics", "team-a", "two"))[0]
    assert 404 == (await get(f"{proxy}/metrics", "team-c", "three"))[0]
    for path in ("/", "/-/status", "/-/config", "/accounts/team-a", "/metrics/"):
        assert 404 == (await get(proxy + path, "team-a", "one"))[0]
