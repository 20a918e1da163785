"""Start and stop of the daemon, and output and exit codes of commands."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from exporter import __version__
from exporter.simulator.application import Running
from exporter.simulator.faults import parse_fault
from tests.daemon.conftest import KEY, PATIENCE, environment, run, samples, serving, until_requested, usage, value


async def test_sigterm_cancels_a_hanging_poll_after_the_shutdown_timeout(
    simulator: Running, write_patient_configuration: Callable[[str], Path]
) -> None:
    simulator.faults.replace(parse_fault("hang"))
    async with serving(write_patient_configuration(simulator.url), "--shutdown.timeout=300ms") as daemon:
        await until_requested(simulator)
        async with asyncio.timeout(5):
            assert 0 == await daemon.stop()
    assert ["stopping", "stopped"] == [event["event"] for event in daemon.events if event["event"].startswith("stop")]


async def test_second_signal_ends_the_daemon_at_once(
    simulator: Running, write_patient_configuration: Callable[[str], Path]
) -> None:
    simulator.faults.replace(parse_fault("hang"))
    async with serving(write_patient_configuration(simulator.url), "--shutdown.timeout=1h") as daemon:
        await until_requested(simulator)
        daemon.process.terminate()
        await daemon.until_logged("stopping")
        assert 128 + 15 == await daemon.stop()


async def test_daemon_starts_while_the_api_is_down(write_configuration: Callable[..., Path]) -> None:
    """It is healthy from the start, ready after the first attempt, and publishes no usage."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    async with serving(write_configuration(f"http://127.0.0.1:{port}/api/v1")) as daemon:
        result = await daemon.until(
            lambda result: bool(value(result, "openrouter_exporter_api_failures_total", status_class="connection"))
        )
        assert {} == usage(result)
        assert 0 == value(result, "openrouter_up")
        await daemon.until(lambda result: bool(value(result, "openrouter_collector_last_attempt_timestamp_seconds")))
        assert 200 == (await daemon.get("-/ready"))[0]
        assert 200 == (await daemon.get("-/healthy"))[0]


@pytest.mark.parametrize(("key", "status"), [("sk-or-v1-ordinary", 403), ("sk-or-v1-wrong", 401)])
async def test_wrong_key_is_logged_once_and_polling_continues(
    key: str, status: int, simulator: Running, write_configuration: Callable[..., Path]
) -> None:
    """openrouter_up is 0, and usage is absent rather than 0."""
    async with serving(write_configuration(simulator.url), key=key) as daemon:
        result = await daemon.until(
            lambda result: (value(result, "openrouter_exporter_api_failures_total", status_class="4xx") or 0) >= 3
        )
        await daemon.stop()
    errors = [event for event in daemon.events if event["level"] == "error"]
    assert [status] == [error["status"] for error in errors]
    assert "management key" in errors[0]["hint"]
    assert 0 == value(result, "openrouter_up")
    assert {} == usage(result)
    assert not [line for line in daemon.lines if key in line]


async def test_landing_page_and_status_show_the_collectors(
    simulator: Running, write_configuration: Callable[..., Path]
) -> None:
    async with serving(write_configuration(simulator.url)) as daemon:
        await daemon.until(lambda result: value(result, "openrouter_up") == 1)
        status, page = await daemon.get("")
        assert 200 == status
        assert "<svg" in page
        status, document = await daemon.get("-/status")
        assert 200 == status
        assert '"activity"' in document


async def test_invalid_configuration_exits_with_1_and_lists_every_mistake(tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text(
        "accounts:\n  - name: a\n    api_key_env: OPENROUTER_API_KEY\ncolectors: {}\nupstream: {timeout: 5}\n"
    )
    for command in ("serve", "check-config", "once"):
        code, out, err = await run(command, f"--config.file={bad}", variables={"OPENROUTER_API_KEY": KEY})
        assert (1, "") == (code, out)
        assert ["4:1", "5:21"] == [
            line.removeprefix(f"{bad}:").rsplit(": ")[0][:4].rstrip(":") for line in err.splitlines()
        ]


async def test_command_works_with_closed_standard_streams() -> None:
    """Some service managers connect none of them."""
    command = f"exec {sys.executable} -m exporter check-config <&- >&- 2>&-"
    process = await asyncio.create_subprocess_shell(command, env=environment(OPENROUTER_API_KEY=KEY))
    async with asyncio.timeout(PATIENCE):
        assert 0 == await process.wait()


@pytest.mark.parametrize("command", ["serve", "check-config"])
async def test_ca_file_without_a_certificate_is_a_configuration_error(command: str, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("not a certificate")
    file = tmp_path / "exporter.yaml"
    file.write_text("accounts: [{name: a, api_key_env: KEY}]\nupstream: {tls: {ca_file: ca.pem}}")
    code, _, err = await run(command, f"--config.file={file}", variables={"KEY": KEY})
    assert (1, f"{tmp_path / 'ca.pem'}: upstream.tls.ca_file: holds no certificate in PEM\n") == (code, err)


async def test_address_in_use_exits_with_1_and_one_line(
    simulator: Running, write_configuration: Callable[..., Path]
) -> None:
    async with serving(write_configuration(simulator.url)) as daemon:
        address = daemon.url.removeprefix("http://").rstrip("/")
        path = write_configuration(simulator.url)
        code, _, err = await run(
            "serve", f"--config.file={path}", f"--web.listen-address={address}", variables={"OPENROUTER_API_KEY": KEY}
        )
        assert 1 == code
        assert address in err.splitlines()[-1]
        assert "Traceback" not in err


async def test_once_prints_the_exposition(simulator: Running, write_configuration: Callable[..., Path]) -> None:
    """If a collector failed, the exit code is 1 and the rest is still printed."""
    path = write_configuration(simulator.url)
    code, out, _ = await run("once", f"--config.file={path}", variables={"OPENROUTER_API_KEY": KEY})
    assert 0 == code
    assert usage(samples(out))
    code, out, _ = await run("once", f"--config.file={path}", variables={"OPENROUTER_API_KEY": "sk-or-v1-ordinary"})
    assert 1 == code
    assert 0 == value(samples(out), "openrouter_up")


async def test_check_config_without_a_file_needs_openrouter_api_key() -> None:
    """That variable alone is a valid configuration."""
    assert 0 == (await run("check-config", variables={"OPENROUTER_API_KEY": KEY}))[0]
    code, _, err = await run("check-config")
    assert 1 == code
    assert "OPENROUTER_API_KEY" in err


async def test_healthcheck_exits_with_0_while_the_daemon_runs_and_1_otherwise(
    simulator: Running, write_configuration: Callable[..., Path]
) -> None:
    async with serving(write_configuration(simulator.url)) as daemon:
        address = daemon.url.removeprefix("http://").rstrip("/")
        assert (0, "healthy\n", "") == await run("healthcheck", f"--web.listen-address={address}")
        await daemon.stop()
    code, _, err = await run("healthcheck", f"--web.listen-address={address}")
    assert 1 == code
    assert "unhealthy" in err


async def test_options_are_read_from_environment_variables(tmp_path: Path) -> None:
    """The command line takes precedence."""
    missing = tmp_path / "missing.yaml"
    variables = {"OPENROUTER_EXPORTER_CONFIG_FILE": str(missing), "OPENROUTER_API_KEY": KEY}
    code, _, err = await run("check-config", variables=variables)
    assert 1 == code
    assert str(missing) in err


async def test_variable_applies_only_to_commands_with_the_option() -> None:
    """An invalid address fails `serve`, which is named, but not `check-config`."""
    variables = {"OPENROUTER_EXPORTER_WEB_LISTEN_ADDRESS": "bad", "OPENROUTER_API_KEY": KEY}
    assert 0 == (await run("check-config", variables=variables))[0]
    code, _, err = await run("serve", variables=variables)
    assert 2 == code
    assert "openrouter-exporter serve: environment variable OPENROUTER_EXPORTER_WEB_LISTEN_ADDRESS" in err


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("frobnicate",),
        ("serve", "--no-such-option"),
        ("serve", "--web.listen-address=nonsense"),
        ("serve", "--log.level=loud"),
    ],
)
async def test_wrong_usage_exits_with_2(arguments: tuple[str, ...]) -> None:
    """One line names the mistake and the option --help."""
    code, _, err = await run(*arguments)
    assert 2 == code
    assert "Traceback" not in err
    assert "--help" in err


async def test_version_is_printed() -> None:
    assert (0, f"openrouter-exporter {__version__}\n", "") == await run("--version")


async def test_unknown_fault_of_the_simulator_is_wrong_usage() -> None:
    code, _, err = await run("simulate", "--fault=nonsense")
    assert 2 == code
    assert "--fault: unknown fault 'nonsense'" in err
