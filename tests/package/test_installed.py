"""The installed wheel, run from another folder in an environment without anything else."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator

import pytest

from exporter import __version__
from tests.package.conftest import ROOT, Installed, environment

PATIENCE = 30.0
WEB = "basic_auth_users: {scraper: $2b$04$0Q6uG2MQ9nxqAl0d0aJrHeBiGxp6Hk8hTp7qHSGKy0u0CpE0OaN1y}\n"


@pytest.fixture(scope="module")
def demo(installed: Installed) -> Iterator[str]:
    """Return the address of a demo after its first polls."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{listening.getsockname()[1]}"
    command = [str(installed.program), "demo", "--web.listen-address", address]
    with subprocess.Popen(
        command, cwd=installed.folder, env=environment(), stderr=subprocess.PIPE, text=True
    ) as process:
        end = time.monotonic() + PATIENCE
        try:
            while 'openrouter_up{account="demo"} 1.0' not in scrape(address):
                assert time.monotonic() < end
                time.sleep(0.1)
            yield address
        finally:
            process.terminate()  # or leaving the block would wait for it forever
        output = process.communicate(timeout=PATIENCE)[1]
        assert 0 == process.returncode, output


def scrape(address: str) -> str:
    """Return the exposition, or nothing while no server listens."""
    try:
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=5) as response:
            text: str = response.read().decode()
    except OSError:
        return ""
    return text


def test_demo_publishes_usage(demo: str) -> None:
    """The wheel contains everything that it needs."""
    text = scrape(demo)
    assert "openrouter_activity_usage_usd{" in text
    assert f'version="{__version__}"' in text


def test_health_check_finds_the_address_in_the_environment(installed: Installed, demo: str) -> None:
    """The daemon reads the same variable."""
    done = installed.run("healthcheck", OPENROUTER_EXPORTER_WEB_LISTEN_ADDRESS=demo)
    assert (0, "healthy\n") == (done.returncode, done.stdout), done.stderr


def test_version_is_that_of_the_metadata(installed: Installed) -> None:
    assert f"openrouter-exporter {__version__}\n" == installed.run("--version").stdout


def test_program_runs_as_a_module(installed: Installed) -> None:
    """The module is that of the environment and not of the sources."""
    code = "import exporter; print(exporter.__file__)"
    done = subprocess.run(
        [installed.bin / "python", "-c", code], capture_output=True, text=True, check=True, cwd=installed.folder
    )
    assert done.stdout.startswith(str(installed.bin.parent))


def test_check_config_accepts_a_minimal_configuration(installed: Installed) -> None:
    shutil.copy(ROOT / "config/minimal.yaml", installed.folder)
    done = installed.run("check-config", "--config.file=minimal.yaml", OPENROUTER_API_KEY="sk-or-v1-demo")
    assert (0, "minimal.yaml: valid, 1 account\n") == (done.returncode, done.stdout), done.stderr


def test_missing_auth_extra_fails_the_start_with_its_name(installed: Installed) -> None:
    """The first request would fail otherwise."""
    (installed.folder / "web.yaml").write_text(WEB, encoding="utf-8")
    done = installed.run("check-config", "--web.config.file=web.yaml", OPENROUTER_API_KEY="sk-or-v1-demo")
    assert 1 == done.returncode
    assert "openrouter-exporter[auth]" in done.stderr
