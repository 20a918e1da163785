"""The compose files: mounted files exist, services are hardened, and their parts fit together."""

from __future__ import annotations

import gzip
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import compose_spec
import pytest
import yaml

from exporter.collectors.registry import SECTION
from exporter.config.load import load
from exporter.config.units import parse_duration
from exporter.options import parse as parse_options
from tests.dashboards.boards import FOLDER, ROOT
from tests.dashboards.test_expressions import needs_promtool

CONFIG = ROOT / "config"
FILES = ("compose.yaml", "compose.account.yaml")
BASE, ACCOUNT = (yaml.load((CONFIG / name).read_text(encoding="utf-8"), yaml.CSafeLoader) for name in FILES)
SERVICES: dict[str, dict[str, Any]] = BASE["services"]
GRAFANA = CONFIG / "grafana/provisioning"

ONCE = ("history", "history-blocks")  # they end before Prometheus starts
STAYING = {name: service for name, service in SERVICES.items() if name not in ONCE}

by_service = pytest.mark.parametrize("name", SERVICES)
by_staying_service = pytest.mark.parametrize("name", STAYING)
by_file = pytest.mark.parametrize("file", FILES)


def _interpolated(text: str) -> str:
    """Substitute variables as Compose does: with the default, or with some value if one is required."""
    return re.sub(r"\$\{\w+:([-?])([^}]*)\}", lambda match: match[2] if match[1] == "-" else "some", text)


def _parsed(text: str) -> Any:
    return compose_spec.PyOptions(apply_merge=True).from_yaml(_interpolated(text))


def _mounts(file: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    for service in file["services"].values():
        for volume in service.get("volumes", ()):
            source, target, *mode = volume.split(":")
            yield source, target, "".join(mode)


@by_file
def test_compose_file_is_valid(file: str) -> None:
    """It is checked by the types of the specification, with every volume and secret defined."""
    _parsed((CONFIG / file).read_text(encoding="utf-8")).validate()


@pytest.mark.parametrize(
    "fault",
    [
        "services: {a: {image: x, ports: ['1:2:3:4']}}",
        "services: {a: {image: x, restart: sometimes}}",
        "services: {a: {image: x, secrets: [missing]}}",
    ],
)
def test_invalid_compose_file_is_rejected(fault: str) -> None:
    """It shows that the test above can fail."""
    with pytest.raises(ValueError, match=r".+"):
        _parsed(fault).validate()


@pytest.mark.parametrize("file", [BASE, ACCOUNT], ids=FILES)
def test_mounted_files_exist(file: dict[str, Any]) -> None:
    """Files and folders are mounted read-only from this repository, and everything else is a named volume."""
    mounts = list(_mounts(file))
    assert [] != mounts
    for source, _, mode in mounts:
        if source.startswith("."):
            assert (CONFIG / source).exists(), source
            assert "ro" == mode, source
        else:
            assert source in BASE["volumes"]


@by_service
def test_service_is_unprivileged(name: str) -> None:
    """It can write only to its volume, has no capabilities and cannot gain any."""
    service = SERVICES[name]
    assert service["read_only"] is True
    assert ["ALL"] == service["cap_drop"]
    assert ["no-new-privileges:true"] == service["security_opt"]
    assert not {"privileged", "cap_add", "network_mode", "pid", "env_file"} & set(service)


@by_staying_service
def test_service_listens_on_loopback_only(name: str) -> None:
    """This holds for each published port."""
    ports = SERVICES[name]["ports"]
    assert [] != ports
    assert [] == [port for port in ports if not port.startswith("127.0.0.1:")]


@by_staying_service
def test_service_has_a_version_and_a_health_check(name: str) -> None:
    """An image has a version or is built here."""
    tag = SERVICES[name]["image"].rpartition(":")[2]
    assert re.fullmatch(r"v?\d+\.\d+\.\d+", tag) or ("local" == tag and "build" in SERVICES[name])
    assert "CMD" == SERVICES[name]["healthcheck"]["test"][0]


def test_exporter_is_built_from_this_repository() -> None:
    assert (CONFIG / SERVICES["exporter"]["build"]["context"] / "Dockerfile").resolve() == ROOT / "Dockerfile"


@pytest.mark.parametrize("file", [BASE, ACCOUNT], ids=FILES)
@pytest.mark.parametrize("name", ["exporter", "history"])
def test_command_and_health_check_of_the_exporter_parse(file: dict[str, Any], name: str) -> None:
    command = file["services"][name]["command"]
    assert command[0] == parse_options(command, {}).command
    check = SERVICES["exporter"]["healthcheck"]["test"][1:]
    assert ["openrouter-exporter", "healthcheck"] == check


@pytest.mark.parametrize("name", ONCE)
def test_service_that_ends_has_no_restart_port_or_health_check(name: str) -> None:
    service = SERVICES[name]
    assert "no" == service["restart"]
    assert {"disable": True} == service["healthcheck"]
    assert "ports" not in service


def test_history_is_complete_before_prometheus_starts() -> None:
    """It is imported with the image's promtool and the labels of the scrape, separately for an account and the demo."""
    finished = {"condition": "service_completed_successfully"}
    assert {"history": finished} == SERVICES["history-blocks"]["depends_on"]
    assert finished.items() <= SERVICES["prometheus"]["depends_on"]["history-blocks"].items()
    assert SERVICES["prometheus"]["image"] == SERVICES["history-blocks"]["image"]
    for file in (BASE, ACCOUNT):
        labels = parse_options(file["services"]["history"]["command"], {}).labels
        assert (("job", "openrouter"), ("instance", "exporter:10063")) == labels
    assert [["history"]] * 2 == [ACCOUNT["services"][name]["profiles"] for name in ONCE]


@pytest.mark.slow
@needs_promtool
def test_history_is_imported_only_into_an_empty_prometheus(tmp_path: Path) -> None:
    lines = ["# TYPE a gauge", "a 1 1795600000", "# EOF", ""]
    (tmp_path / "history").mkdir()
    (tmp_path / "history/history.txt.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    data = tmp_path / "prometheus"
    data.mkdir()
    script = SERVICES["history-blocks"]["command"][0]
    script = script.replace("/history/", f"{tmp_path}/history/").replace("/prometheus", str(data))
    for _ in range(2):
        subprocess.run(["sh", "-ec", script], check=True)
        assert 1 == len([path for path in data.iterdir() if path.name != "wal"])
        (data / "wal").mkdir(exist_ok=True)


def test_account_needs_no_environment_variables(tmp_path: Path) -> None:
    """The key is read from the mounted secret, and the configuration has only its path."""
    text = (CONFIG / "compose/exporter.yaml").read_text(encoding="utf-8")
    assert "/run/secrets/openrouter_key" in text
    assert ["openrouter_key"] == ACCOUNT["services"]["exporter"]["secrets"]
    (tmp_path / "openrouter_key").write_text("sk-or-v1-demo", encoding="utf-8")
    path = tmp_path / "exporter.yaml"
    path.write_text(text.replace("/run/secrets/", f"{tmp_path}/"), encoding="utf-8")
    assert ["default"] == [account.name for account in load(path, {}, collectors=SECTION).accounts]


def test_environment_has_only_names_of_secret_files() -> None:
    for file in (BASE, ACCOUNT):
        for service in file["services"].values():
            for key, value in service.get("environment", {}).items():
                if re.search("KEY|PASSWORD|SECRET|TOKEN", key):
                    assert key.endswith("__FILE"), key
                    assert value.startswith("/run/secrets/"), key


def test_commands_in_comments_name_existing_files() -> None:
    """Readers paste them."""
    lines = [
        line.removeprefix("#").strip()
        for name in FILES
        for line in (CONFIG / name).read_text(encoding="utf-8").splitlines()
        if "docker compose" in line
    ]
    assert len(FILES) + 1 == len(lines)
    for line in lines:
        words = shlex.split(line, comments=True)
        named = [words[number + 1] for number, word in enumerate(words) if "-f" == word]
        assert [] == [name for name in named if not (ROOT / name).is_file()]


@pytest.mark.slow
@needs_promtool
def test_promtool_accepts_the_prometheus_configuration(tmp_path: Path) -> None:
    """The rules are where they are mounted."""
    shutil.copytree(CONFIG / "prometheus/rules", tmp_path / "rules")
    text = (CONFIG / "compose/prometheus.yaml").read_text(encoding="utf-8")
    path = tmp_path / "prometheus.yaml"
    path.write_text(text.replace("/etc/prometheus/", f"{tmp_path}/"), encoding="utf-8")
    done = subprocess.run(["promtool", "check", "config", path], capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stdout + done.stderr
    assert len(list((tmp_path / "rules").glob("*.yaml"))) == done.stdout.count("rules found")


def test_prometheus_scrapes_the_services() -> None:
    """Each target is a service, at the port on which it listens inside."""
    text = yaml.safe_load((CONFIG / "compose/prometheus.yaml").read_text(encoding="utf-8"))
    jobs = [*text["scrape_configs"], *text["alerting"]["alertmanagers"]]
    targets = {target for job in jobs for static_config in job["static_configs"] for target in static_config["targets"]}
    inside = {f"{name}:{port.rpartition(':')[2]}" for name, item in STAYING.items() for port in item["ports"]}
    assert {"localhost:9090"} == targets - inside


def test_grafana_data_source_is_provisioned() -> None:
    """It uses the variable of the service, and an interval not below those of the shipped scrape configurations."""
    provisioned = yaml.safe_load((GRAFANA / "datasources/prometheus.yaml").read_text(encoding="utf-8"))
    source = provisioned["datasources"][0]
    assert "${PROMETHEUS_URL}" == source["url"]
    assert "http://prometheus:9090" == _interpolated(SERVICES["grafana"]["environment"]["PROMETHEUS_URL"])
    assert "openrouter-prometheus" == source["uid"]
    prometheus = yaml.safe_load((CONFIG / "compose/prometheus.yaml").read_text(encoding="utf-8"))
    # Longer windows are right for shorter intervals too; shorter ones would be empty.
    intervals = prometheus["global"]["scrape_interval"], source["jsonData"]["timeInterval"]
    scraped, assumed = (parse_duration(interval) for interval in intervals)
    shipped = yaml.safe_load((CONFIG / "prometheus/scrape.yaml").read_text(encoding="utf-8"))["scrape_configs"][0]
    assert scraped <= parse_duration(shipped["scrape_interval"]) <= assumed


def test_grafana_dashboards_are_provisioned() -> None:
    """The home dashboard is among them."""
    provisioned = yaml.safe_load((GRAFANA / "dashboards/openrouter.yaml").read_text(encoding="utf-8"))
    folder = provisioned["providers"][0]["options"]["path"]
    sources = {target: CONFIG / source for source, target, _ in _mounts(BASE)}
    assert FOLDER == sources[folder].resolve()
    home = Path(SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert folder == str(home.parent)
    assert (FOLDER / home.name).is_file()
