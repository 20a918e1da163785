"""The type of each account's key in the log, the metrics, the status and the landing page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from exporter.simulator.application import Running
from tests.daemon.conftest import disabled, serving, value


async def test_ordinary_key_is_reported_as_not_a_management_key(
    simulator: Running, write_configuration: Callable[..., Path]
) -> None:
    """`GET /key` distinguishes it from an invalid key."""
    async with serving(write_configuration(simulator.url), key="sk-or-v1-ordinary") as daemon:
        await daemon.until(lambda result: value(result, "openrouter_calling_key_is_management", account="default") == 0)
        warned = await daemon.until_logged("not_a_management_key")
        assert "management key" in warned["hint"]
        assert "make a management key" in (await daemon.get("-/status"))[1]
        assert "make a management key" in (await daemon.get(""))[1]
    assert 1 == sum(event["event"] == "not_a_management_key" for event in daemon.events)


async def test_management_key_is_confirmed_with_one_request_per_hour(
    simulator: Running, write_configuration: Callable[..., Path]
) -> None:
    async with serving(write_configuration(simulator.url)) as daemon:
        result = await daemon.until(lambda result: value(result, "openrouter_calling_key_is_management") == 1)
        assert value(result, "openrouter_calling_key_expiry_timestamp_seconds") is None
        before = simulator.counts["/api/v1/activity"]
        await daemon.until(lambda _: simulator.counts["/api/v1/activity"] > before + 1)
    assert 1 == simulator.counts["/api/v1/key"]


async def test_new_key_is_checked_at_once(simulator: Running, tmp_path: Path) -> None:
    """The result for the old key does not stay until the next hourly check."""
    key = tmp_path / "account.key"
    key.write_text("sk-or-v1-ordinary")
    key.chmod(0o600)
    configuration = tmp_path / "file.yaml"
    configuration.write_text(
        f"upstream: {{base_url: {simulator.url}}}\n"
        "accounts: [{name: default, api_key_file: account.key}]\n"
        "collectors:\n  activity: {interval: 1s, settle_delay: 0s, empty_day_after: 0s}\n"
        f"{disabled('activity')}"
    )
    async with serving(configuration) as daemon:
        await daemon.until(lambda result: value(result, "openrouter_calling_key_is_management", account="default") == 0)
        key.write_text("sk-or-v1-demo")
        await daemon.until(lambda result: value(result, "openrouter_calling_key_is_management", account="default") == 1)
        assert "make a management key" not in (await daemon.get(""))[1]


async def test_unknown_key_is_distinguished_from_an_ordinary_one(
    simulator: Running, write_configuration: Callable[..., Path]
) -> None:
    """The page lists what else may be wrong."""
    async with serving(write_configuration(simulator.url), key="sk-or-v1-nobody") as daemon:
        await daemon.until_logged("key_check_failed")
        assert "does not know this key" in (await daemon.get("-/status"))[1]
        assert "does not know this key" in (await daemon.get(""))[1]
        assert value(await daemon.scrape(), "openrouter_calling_key_is_management") is None
