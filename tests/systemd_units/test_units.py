"""The systemd units are valid, restrict the exporter's permissions, and fit its options."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from exporter.collectors.registry import SECTION
from exporter.config.load import parse
from exporter.config.units import parse_duration
from exporter.options import parse as parse_options

ROOT = Path(__file__).parents[2]
UNITS = ROOT / "config/systemd"
SERVICE = UNITS / "openrouter-exporter.service"
PROGRAM = "/opt/openrouter-exporter/bin/openrouter-exporter"
MOST_EXPOSURE = 20  # tenths

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None and os.environ.get("CI") != "true", reason="systemd-analyze isn't installed"
)


def directive(name: str) -> list[str]:
    """Return every value of a directive of the service, with continued lines joined."""
    text = SERVICE.read_text(encoding="utf-8").replace("\\\n", " ")
    return re.findall(rf"^{name}=(.*)$", text, re.MULTILINE)


def analyze(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, check=False)


@needs_systemd
def test_service_has_an_exposure_level_of_at_most_2() -> None:
    """systemd computes the level, of at most 10."""
    done = analyze("security", "--offline=true", f"--threshold={MOST_EXPOSURE}", "--no-pager", SERVICE)
    assert 0 == done.returncode, done.stdout + done.stderr
    assert "Overall exposure level" in done.stdout


@needs_systemd
def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    for unit in UNITS.glob("openrouter-exporter.*"):
        (tmp_path / unit.name).write_text(unit.read_text(encoding="utf-8").replace(PROGRAM, sys.executable))
    done = analyze("verify", "--man=no", *sorted(tmp_path.iterdir()))
    # Messages about other units of this machine are ignored.
    ours = [line for line in done.stderr.splitlines() if "openrouter" in line]
    assert (0, []) == (done.returncode, ours)


def test_command_line_is_valid() -> None:
    """The configuration is in the folder to which the key's path is relative."""
    program, *arguments = shlex.split(directive("ExecStart")[0])
    options = parse_options(arguments, {})
    assert (PROGRAM, "serve") == (program, options.command)
    assert Path("/etc/openrouter-exporter/config.yaml") == options.config_file
    assert options.systemd_socket


def test_configuration_reads_the_credential(tmp_path: Path) -> None:
    """The file that is shipped with the unit names the copy that the unit creates."""
    (tmp_path / directive("LoadCredential")[0].split(":")[0]).write_text("sk-or-v1-demo", encoding="utf-8")
    text = (UNITS / "config.yaml").read_text(encoding="utf-8")
    moved = text.replace(f"/run/credentials/{SERVICE.name}/", f"{tmp_path}/")
    assert ["default"] == [account.name for account in parse(moved, "config.yaml", {}, collectors=SECTION).accounts]


def test_no_core_dump_is_written() -> None:
    """It would contain the key."""
    assert ["0"] == directive("LimitCORE")


def test_systemd_waits_for_the_shutdown_timeout() -> None:
    """Its own timeout is longer."""
    assert parse_duration(directive("TimeoutStopSec")[0]) > parse_options(["serve"], {}).shutdown_timeout


def test_socket_listens_on_the_default_port() -> None:
    listening = parse_options(["serve"], {}).listen_addresses[0]
    assert f"\nListenStream={listening.port}\n" in (UNITS / "openrouter-exporter.socket").read_text(encoding="utf-8")
