"""The running image: read-only, without capabilities, with 96 MiB of memory."""

from __future__ import annotations

from pathlib import Path

from tests.image.conftest import REVISION, VERSION
from tests.image.engine import MEMORY, RESTRICTED, Container, Engine

USER = "65532"
CONFIGURATION = """
upstream: {{base_url: "http://{simulator}/api/v1"}}
accounts:
  - name: production
    api_key_file: /run/secrets/openrouter-key
"""


def test_demo_mode_serves_usage(demo: Container, address: str) -> None:
    """It needs no key, no file and no network."""
    text = demo.until(f"http://{address}/metrics", lambda text: "openrouter_activity_usage_usd{" in text)
    assert f'revision="{REVISION}",version="{VERSION}"' in text


def test_installed_exporter_polls_the_api(engine: Engine, image: str, address: str, tmp_path: Path) -> None:
    """The configuration and the key are mounted, and the simulator runs in another container."""
    simulator = engine.start(image, "simulate", "--web.listen-address=127.0.0.1:0")
    end = "/api/v1"
    output = simulator.until_logged(end)
    url = output[output.index("http://") : output.index(end)]
    (tmp_path / "config.yaml").write_text(CONFIGURATION.format(simulator=url.removeprefix("http://")), encoding="utf-8")
    (tmp_path / "key").write_text("sk-or-v1-demo\n", encoding="utf-8")
    exporter = engine.start(
        image,
        "serve",
        "--config.file=/etc/openrouter-exporter/config.yaml",
        f"--web.listen-address={address}",
        options=(
            *RESTRICTED,
            f"--volume={tmp_path / 'config.yaml'}:/etc/openrouter-exporter/config.yaml:ro",
            f"--volume={tmp_path / 'key'}:/run/secrets/openrouter-key:ro",
        ),
    )
    exporter.until(
        f"http://{address}/metrics", lambda text: 'openrouter_activity_usage_usd{account="production"' in text
    )
    exporter.until(f"http://{address}/-/ready", lambda text: text != "")
    assert 0 == exporter.stop()


def test_container_is_unprivileged(demo: Container) -> None:
    """It is not root, has no capabilities and cannot gain any."""
    status = demo.process_status()
    assert [USER] * 4 == status["Uid"].split()
    assert [USER] * 4 == status["Gid"].split()
    assert {0} == {int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")}
    assert "1" == status["NoNewPrivs"]


def test_memory_stays_below_the_limit(demo: Container) -> None:
    """The limit is in force and was never reached."""
    settings = demo.inspect()
    assert MEMORY == settings["HostConfig"]["Memory"]
    assert not settings["State"]["OOMKilled"]
    assert int(demo.process_status()["VmHWM"].removesuffix(" kB")) * 1024 < MEMORY


def test_health_check_passes_inside_the_container(engine: Engine, image: str, demo: Container) -> None:
    done = demo.execute(*engine.settings(image)["Healthcheck"]["Test"][1:])
    assert (0, "healthy\n") == (done.returncode, done.stdout)


def test_health_check_fails_with_a_reason_if_nothing_listens(engine: Engine, image: str, address: str) -> None:
    done = engine.once(image, "healthcheck", options=(f"--env=OPENROUTER_EXPORTER_WEB_LISTEN_ADDRESS={address}",))
    assert 1 == done.returncode
    assert "unhealthy: " in done.stderr


def test_sigterm_stops_the_container(demo: Container) -> None:
    """The exit code is 0."""
    assert 0 == demo.stop()
    assert '"event": "stopped"' in demo.logs()


def test_container_writes_no_file(engine: Engine, image: str, address: str) -> None:
    """Files that the engine itself writes to /etc and /run are exempt."""
    container = engine.start(
        image, "demo", f"--web.listen-address={address}", options=("--net=host", "--cap-drop=ALL", "--user=0:0")
    )
    container.until(f"http://{address}/metrics", lambda text: 'openrouter_up{account="demo"} 1.0' in text)
    assert 0 == container.stop()
    changed = {line.split(" ", 1)[1] for line in engine.changes(container.name)}
    assert set() == {path for path in changed if not path.startswith(("/etc", "/run"))}


def test_missing_configuration_is_reported(engine: Engine, image: str) -> None:
    """Without a key, it exits and names the variable."""
    done = engine.once(image)
    assert 1 == done.returncode
    assert "OPENROUTER_API_KEY" in done.stderr
