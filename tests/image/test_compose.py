"""The compose file run by podman-compose, with local stand-ins for registry images and without Grafana."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.image.conftest import ROOT
from tests.image.engine import PATIENCE, Engine
from tests.servers.programs import installed_prometheus, required

FILE = ROOT / "config/compose.yaml"
SERVICES = yaml.safe_load(FILE.read_text(encoding="utf-8"))["services"]
TEMPLATES = Path("/usr/share/prometheus/alertmanager")
STARTED = ("exporter", "prometheus", "alertmanager")
PROMETHEUS = "http://127.0.0.1:9090/api/v1"
# What a container without rights may have everywhere, on a machine without systemd.
SETTINGS = """
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
"""
STAND_IN = """
ARG BASE_IMAGE
FROM $BASE_IMAGE
COPY bin /bin
COPY share /usr/share/prometheus
ENTRYPOINT ["/bin/program"]
"""


def _stand_in(store: Engine, base: str, folder: Path, programs: dict[str, str], name: str) -> None:
    """Build an image of programs of this machine, with the name of the image that it replaces."""
    (folder / "bin").mkdir(parents=True)
    for inside, program in programs.items():
        shutil.copy(program, folder / "bin" / inside)
    # Debian's Alertmanager reads its templates from there.
    (folder / "share").mkdir()
    if TEMPLATES.is_dir():
        shutil.copytree(TEMPLATES, folder / "share/alertmanager")
    (folder / "Dockerfile").write_text(STAND_IN, encoding="utf-8")
    store.build(folder, base, f"localhost/{name}")


@pytest.fixture(scope="module", autouse=True)
def project(store: Engine, base: str, image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Start the services as `docker compose up` does, and remove them and their volumes at the end."""
    folder = tmp_path_factory.mktemp("compose")
    prometheus = required(installed_prometheus(3) or installed_prometheus(2), "Prometheus")
    promtool = required(shutil.which("promtool"), "promtool")
    alertmanager = required(shutil.which("prometheus-alertmanager") or shutil.which("alertmanager"), "Alertmanager")
    programs = {"program": prometheus, "promtool": promtool}
    _stand_in(store, base, folder / "prometheus", programs, SERVICES["prometheus"]["image"])
    _stand_in(store, base, folder / "alertmanager", {"program": alertmanager}, SERVICES["alertmanager"]["image"])
    store.podman("tag", image, f"localhost/{SERVICES['exporter']['image']}")
    (folder / "containers.conf").write_text(SETTINGS, encoding="utf-8")
    environment = os.environ | {"CONTAINERS_CONF": str(folder / "containers.conf")}
    options = " ".join(str(argument) for argument in store.command("")[1:])

    def compose(*arguments: str) -> None:
        globally = (f"--podman-args={options}", "--file", str(FILE))
        command = [sys.executable, "-m", "podman_compose", *globally, *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert 0 == done.returncode, done.stderr[-4000:]

    try:
        compose("up", "--detach", "--no-build", *STARTED)
        yield
    finally:
        compose("down", "--volumes")


def _get(path: str) -> Any:
    with urllib.request.urlopen(f"{PROMETHEUS}/{path}", timeout=5) as response:  # noqa: S310 — on loopback
        return json.loads(response.read())["data"]


def _until(path: str, wanted: Any, read: Any) -> None:
    """Query Prometheus until the value read from its response is as wanted."""
    end, result = time.monotonic() + PATIENCE, None
    while time.monotonic() < end:
        try:
            result = read(_get(path))
        except OSError as error:
            result = error
        if wanted == result:
            return
        time.sleep(0.5)
    assert wanted == result


def test_every_target_is_up() -> None:
    """Services reach each other by name."""
    jobs = {"openrouter": "up", "prometheus": "up", "alertmanager": "up"}
    _until(
        "targets", jobs, lambda data: {target["labels"]["job"]: target["health"] for target in data["activeTargets"]}
    )


def test_every_rule_is_loaded() -> None:
    """The number of groups is that of the shipped files, and none has an error."""
    files = (ROOT / "config/prometheus/rules").glob("*.yaml")
    groups = {group["name"] for path in files for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]}
    _until("rules", groups, lambda data: {group["name"] for group in data["groups"]})
    errors = [
        rule["lastError"] for group in _get("rules")["groups"] for rule in group["rules"] if rule.get("lastError")
    ]
    assert [] == errors


def test_prometheus_reaches_alertmanager() -> None:
    url = "http://alertmanager:9093/api/v2/alerts"
    _until("alertmanagers", [url], lambda data: [manager["url"] for manager in data["activeAlertmanagers"]])


def test_prometheus_has_a_month_of_history() -> None:
    """The samples are from before its start, in the series that it scrapes."""
    series = 'openrouter_activity_usage_usd{account="demo",instance="exporter:10063"}'
    for days in (2, 15, 28):
        path = f"query?query=count({series}%20offset%20{days}d)"
        _until(path, True, lambda data: bool(data["result"]))


def test_exporter_publishes_usage() -> None:
    """It runs with the settings of the file: read-only, without capabilities, in demo mode."""
    path = "query?query=count(openrouter_up)%20by%20(account)"
    accounts = {"demo", "demo-budget", "demo-rejected"}
    _until(path, accounts, lambda data: {series["metric"]["account"] for series in data["result"]})
