"""A valid file is applied in one swap, and an invalid one changes nothing."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest
from structlog.testing import capture_logs

from exporter.daemon.signals import reload_when
from exporter.simulator.application import Running
from exporter.simulator.faults import parse_fault
from tests.daemon.conftest import Daemon, Samples, serving, until_requested, usage, value

ACCOUNT = "\n  - name: {name}\n    api_key_env: OPENROUTER_API_KEY"


async def post(daemon: Daemon, path: str, method: str = "POST") -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.request(method, daemon.url + path) as response:
        return response.status, await response.text()


def accounts(result: Samples) -> set[str]:
    return {dict(labels)["account"] for _, labels in result if "account" in dict(labels)}


def with_accounts(path: Path, *names: str) -> None:
    head, _, tail = path.read_text().partition("accounts:")
    rest = tail[tail.index("collectors:") :]
    path.write_text(f"{head}accounts:{''.join(ACCOUNT.format(name=name) for name in names)}\n{rest}")


async def test_reload_adds_and_removes_accounts(simulator: Running, write_configuration: Callable[..., Path]) -> None:
    """A removed account is absent from the next scrape."""
    path = write_configuration(simulator.url)
    async with serving(path, "--web.enable-lifecycle") as daemon:
        await daemon.until(lambda result: value(result, "openrouter_up", account="default") == 1)
        with_accounts(path, "default", "second")
        assert 200 == (await post(daemon, "-/reload"))[0]
        await daemon.until(lambda result: value(result, "openrouter_up", account="second") == 1)
        with_accounts(path, "second")
        assert 200 == (await post(daemon, "-/reload", "PUT"))[0]
        result = await daemon.scrape()
        assert {"second"} == accounts(result)
        assert usage(result)


async def test_added_account_does_not_revoke_readiness(
    simulator: Running, write_patient_configuration: Callable[[str], Path]
) -> None:
    """Its first poll hangs, and Prometheus must still scrape the other accounts."""
    path = write_patient_configuration(simulator.url)
    async with serving(path, "--web.enable-lifecycle") as daemon:
        await daemon.until(lambda result: value(result, "openrouter_up") == 1)
        simulator.faults.replace(parse_fault("hang"))
        with_accounts(path, "default", "second")
        assert 200 == (await post(daemon, "-/reload"))[0]
        result = await daemon.scrape()
        assert 0 == value(result, "openrouter_collector_last_attempt_timestamp_seconds", account="second")
        assert 200 == (await daemon.get("-/ready"))[0]


async def test_invalid_file_changes_nothing(simulator: Running, write_configuration: Callable[..., Path]) -> None:
    """The response is 500 with every mistake, a metric is 0, and polling continues until a valid file is loaded."""
    path = write_configuration(simulator.url)
    good = path.read_text()
    async with serving(path, "--web.enable-lifecycle") as daemon:
        await daemon.until(lambda result: value(result, "openrouter_up") == 1)
        path.write_text(good.replace("interval: 1s", "interval: often").replace("accounts:", "acounts:"))
        status, text = await post(daemon, "-/reload")
        assert 500 == status
        assert "acounts" in text
        assert "often" in text
        result = await daemon.scrape()
        assert 0 == value(result, "openrouter_exporter_config_last_reload_successful")
        assert usage(result)
        attempted = value(result, "openrouter_collector_last_attempt_timestamp_seconds")
        await daemon.until(
            lambda result: value(result, "openrouter_collector_last_attempt_timestamp_seconds") != attempted
        )
        path.write_text(good)
        assert 200 == (await post(daemon, "-/reload"))[0]
        assert 1 == value(await daemon.scrape(), "openrouter_exporter_config_last_reload_successful")


async def test_sighup_reloads_the_configuration(simulator: Running, write_configuration: Callable[..., Path]) -> None:
    """It needs no option, unlike `/-/reload`."""
    path = write_configuration(simulator.url)
    async with serving(path) as daemon:
        await daemon.until(lambda result: value(result, "openrouter_up") == 1)
        with_accounts(path, "renamed")
        daemon.process.send_signal(signal.SIGHUP)
        result = await daemon.until(lambda result: accounts(result) == {"renamed"})
        assert 403 == (await post(daemon, "-/reload"))[0]
        assert result


async def test_sighup_during_the_start_is_a_reload(
    simulator: Running, write_configuration: Callable[..., Path]
) -> None:
    """Without a handler, the signal would end the process."""
    async with serving(write_configuration(simulator.url)) as daemon:
        daemon.process.send_signal(signal.SIGHUP)
        await daemon.until_logged("reloaded")
        assert daemon.process.returncode is None


async def test_sighup_does_not_shorten_the_shutdown(
    simulator: Running, write_patient_configuration: Callable[[str], Path]
) -> None:
    """Polls in progress keep their time, and the exit code is 0."""
    simulator.faults.replace(parse_fault("hang"))
    async with serving(write_patient_configuration(simulator.url), "--shutdown.timeout=1s") as daemon:
        await until_requested(simulator)
        daemon.process.terminate()
        await daemon.until_logged("stopping")
        assert 0 == await daemon.stop(signal.SIGHUP)
    assert ["stopping", "stopped"] == [event["event"] for event in daemon.events if event["event"].startswith("stop")]


async def test_ca_file_without_a_certificate_fails_the_reload(
    simulator: Running, write_configuration: Callable[..., Path], tmp_path: Path
) -> None:
    """The file is readable, so only loading it shows the mistake."""
    path = write_configuration(simulator.url)
    (tmp_path / "ca.pem").write_text("not a certificate")
    async with serving(path, "--web.enable-lifecycle") as daemon:
        path.write_text(path.read_text().replace("upstream:", "upstream:\n  tls: {ca_file: ca.pem}"))
        status, text = await post(daemon, "-/reload")
        assert (500, True) == (status, "upstream.tls.ca_file: holds no certificate in PEM" in text)
        assert 0 == value(await daemon.scrape(), "openrouter_exporter_config_last_reload_successful")


async def test_reload_that_crashes_is_logged_and_the_next_one_works() -> None:
    requested = asyncio.Event()
    reloads = 0

    async def reload() -> None:
        nonlocal reloads
        reloads += 1
        requested.set()
        if reloads == 3:
            raise asyncio.CancelledError
        raise RuntimeError

    requested.set()
    with capture_logs() as logs, pytest.raises(asyncio.CancelledError):
        await reload_when(requested, reload)
    assert ["reload_crashed"] * 2 == [line["event"] for line in logs]


async def test_new_interval_keeps_the_data(simulator: Running, write_configuration: Callable[..., Path]) -> None:
    """The API is down after the reload."""
    path = write_configuration(simulator.url)
    async with serving(path, "--web.enable-lifecycle") as daemon:
        good = usage(await daemon.until(lambda result: value(result, "openrouter_up") == 1))
        simulator.faults.replace(parse_fault("status-500"))
        path.write_text(path.read_text().replace("interval: 1s", "interval: 2s"))
        assert 200 == (await post(daemon, "-/reload"))[0]
        assert good == usage(await daemon.scrape())
        result = await daemon.until(lambda result: value(result, "openrouter_up") == 0)
        assert 2 == value(result, "openrouter_collector_interval_seconds")
        assert good == usage(result)


async def test_new_threshold_keeps_the_data(simulator: Running, write_configuration: Callable[..., Path]) -> None:
    """The API is down after the reload, and rules see the new threshold at the next scrape."""
    path = write_configuration(simulator.url)
    async with serving(path, "--web.enable-lifecycle") as daemon:
        before = usage(await daemon.until(lambda result: value(result, "openrouter_up") == 1))
        simulator.faults.replace(parse_fault("status-500"))
        path.write_text(f"{path.read_text()}thresholds: {{credits_floor_usd: 250}}\n")
        assert 200 == (await post(daemon, "-/reload"))[0]
        result = await daemon.scrape()
        assert (250, before) == (
            value(result, "openrouter_threshold_credits_floor_usd", account="default"),
            usage(result),
        )


async def test_changed_labels_drop_the_old_series_at_once(
    simulator: Running, write_configuration: Callable[..., Path]
) -> None:
    path = write_configuration(simulator.url)
    async with serving(path, "--web.enable-lifecycle") as daemon:
        await daemon.until(lambda result: value(result, "openrouter_up") == 1)
        simulator.faults.replace(parse_fault("status-500"))
        path.write_text(path.read_text().replace("interval: 1s", "interval: 1s, drop_labels: [provider]"))
        assert 200 == (await post(daemon, "-/reload"))[0]
        assert {} == usage(await daemon.scrape())


async def test_poll_of_a_removed_account_publishes_nothing(
    simulator: Running, write_configuration: Callable[..., Path]
) -> None:
    """Nothing is logged as a crash."""
    path = write_configuration(simulator.url)
    path.write_text(path.read_text().replace("timeout: 500ms", "timeout: 30s").replace("900ms", "30s"))
    simulator.faults.replace(parse_fault("slow"))
    async with serving(path, "--web.enable-lifecycle") as daemon:
        await until_requested(simulator)
        with_accounts(path, "another")
        assert 200 == (await post(daemon, "-/reload"))[0]
        simulator.faults.replace()
        result = await daemon.until(lambda result: bool(usage(result)))
        assert {"another"} == accounts(result)
        await daemon.stop()
    assert [] == [event for event in daemon.events if event["level"] in ("error", "critical")]


async def test_burst_of_reloads_reads_the_file_a_few_times(
    simulator: Running, write_configuration: Callable[..., Path]
) -> None:
    """All fifty requests get a response."""
    async with serving(write_configuration(simulator.url), "--web.enable-lifecycle") as daemon:
        responses = await asyncio.gather(*(post(daemon, "-/reload") for _ in range(50)))
        await daemon.stop()
    assert {200} == {status for status, _ in responses}
    assert 50 > sum(event["event"] == "reloaded" for event in daemon.events)


async def test_effective_configuration_has_defaults_and_hides_keys(
    simulator: Running, write_configuration: Callable[..., Path]
) -> None:
    async with serving(write_configuration(simulator.url)) as daemon:
        status, text = await daemon.get("-/config")
    assert 200 == status
    assert "max_endpoints: 5000" in text
    assert "sk-or" not in text
