"""Whatever the API does, published values stay, failures are counted by class, and polling recovers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from exporter.simulator.application import Running
from exporter.simulator.faults import parse_fault
from tests.daemon.conftest import KEY, Daemon, Samples, serving, usage, value

FAULTS = {
    "3xx": ["redirect"],
    "4xx": ["status-400", "status-401", "status-403", "status-404", "status-429", "html-403"],
    "5xx": ["status-500", "status-503", "html-502", "html-524"],
    "timeout": ["hang", "slow"],
    "connection": ["reset", "close"],
    "invalid_response": [
        "html-200",
        "error-200",
        "not-json",
        "wrong-shape",
        "no-data",
        "top-list",
        "oversized",
        "gzip-bomb",
        "wrong-encoding",
        "truncated",
        "truncated-chunked",
    ],
}


def failures(result: Samples, status_class: str) -> float:
    return value(result, "openrouter_exporter_api_failures_total", status_class=status_class) or 0


async def fail_with(daemon: Daemon, simulator: Running, status_class: str, fault: str) -> Samples:
    """Inject the fault until a poll has failed because of it, and return that scrape."""
    before = failures(await daemon.scrape(), status_class)
    simulator.faults.replace(parse_fault(fault))
    return await daemon.until(
        lambda result: failures(result, status_class) > before and value(result, "openrouter_up") == 0
    )


@pytest.mark.parametrize("status_class", FAULTS)
async def test_faults_are_counted_by_class_and_change_no_value(
    status_class: str, simulator: Running, write_configuration: Callable[..., Path]
) -> None:
    """The daemon stays healthy, recovers after each fault, and logs no key."""
    async with serving(write_configuration(simulator.url)) as daemon:
        good = usage(await daemon.until(lambda result: value(result, "openrouter_up") == 1))
        assert good

        for fault in FAULTS[status_class]:
            failing = await fail_with(daemon, simulator, status_class, fault)
            assert good == usage(failing), fault
            assert (200, "Healthy.\n") == await daemon.get("-/healthy")
            simulator.faults.replace()
            assert good == usage(await daemon.until(lambda result: value(result, "openrouter_up") == 1)), fault

        assert not [line for line in daemon.lines if KEY in line]
        assert 0 == await daemon.stop()


async def test_outage_logs_one_error_and_one_recovery(
    simulator: Running, write_configuration: Callable[..., Path]
) -> None:
    """Further failures of the same kind are logged at debug level."""
    async with serving(write_configuration(simulator.url), "--log.level=info") as daemon:
        await daemon.until(lambda result: value(result, "openrouter_up") == 1)
        simulator.faults.replace(parse_fault("status-503"))
        before = simulator.counts["/api/v1/activity"]
        await daemon.until(lambda _: simulator.counts["/api/v1/activity"] >= before + 120)
        simulator.faults.replace()
        await daemon.until_logged("poll_recovered")
        await daemon.stop()

    polls = [event["event"] for event in daemon.events if event["event"].startswith("poll_")]
    causes = [event.get("status_class") for event in daemon.events if event["event"] == "poll_failed"]
    # On a busy machine polls may also time out or have no time for an attempt: other causes, with one more error each.
    assert "5xx" in causes
    assert len(set(causes)) == len(causes)
    assert ["poll_succeeded", *["poll_failed"] * len(causes), "poll_recovered"] == polls


async def test_usage_expires_after_stale_after_and_returns(
    simulator: Running, write_configuration: Callable[..., Path]
) -> None:
    """It is never 0, and the health series stay."""
    async with serving(write_configuration(simulator.url, stale_after="2s")) as daemon:
        good = usage(await daemon.until(lambda result: bool(usage(result))))
        simulator.faults.replace(parse_fault("status-500"))
        stale = await daemon.until(
            lambda result: value(result, "openrouter_up") == 0 and value(result, "openrouter_collector_series") == 0
        )
        assert {} == usage(stale)
        simulator.faults.replace()
        assert good == usage(await daemon.until(lambda result: bool(usage(result))))


@pytest.mark.parametrize(
    "fault", ["pretty", "string-numbers", "rfc3339-dates", "plain-dates", "status-503:0.5", "bad-row"]
)
async def test_harmless_faults_change_no_value(
    fault: str, simulator: Running, write_configuration: Callable[..., Path]
) -> None:
    """They are other layouts of the same rows, one invalid row, and transient errors."""
    async with serving(write_configuration(simulator.url)) as daemon:
        good = usage(await daemon.until(lambda result: bool(usage(result))))
    simulator.faults.replace(parse_fault(fault))
    async with serving(write_configuration(simulator.url)) as daemon:
        assert good == usage(await daemon.until(lambda result: bool(usage(result))))
