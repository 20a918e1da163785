"""Credits, keys and the calling key in the whole daemon."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from exporter.clock import SystemClock
from exporter.simulator.application import Running, running
from exporter.simulator.faults import Fault, FaultKind
from exporter.simulator.service import SimulatorSettings
from tests.daemon.conftest import Daemon, Samples, disabled, serving, value

CONFIGURATION = """
upstream:
  base_url: {url}
  requests_per_minute: 100000
  retries: {{strategy: none}}
accounts: [{{name: default, api_key_env: OPENROUTER_API_KEY}}]
collectors:
  credits: {{interval: 1s}}
  keys: {{interval: 1s}}
  key: {{interval: 1s}}
{others}"""


def write_balances_configuration(folder: Path, simulator: Running) -> Path:
    path = folder / "balances.yaml"
    path.write_text(CONFIGURATION.format(url=simulator.url, others=disabled("credits", "keys", "key")))
    return path


async def last_polls(daemon: Daemon) -> dict[str, Any]:
    """Return the last poll of each collector."""
    collectors = json.loads((await daemon.get("-/status"))[1])["collectors"]
    return {collector["collector"]: collector["polls"][-1] for collector in collectors if collector["polls"]}


async def test_credits_and_usage_of_keys_agree_after_one_poll(simulator: Running, tmp_path: Path) -> None:
    async with serving(write_balances_configuration(tmp_path, simulator)) as daemon:
        result = await daemon.until(lambda result: value(result, "openrouter_up", account="default") == 1)
    bought, used, left = (
        value(result, f"openrouter_credits_{name}_usd", account="default") for name in ("purchased", "used", "balance")
    )
    by_keys = value(result, "openrouter_key_usage_usd", account="default")
    assert bought is not None
    assert used is not None
    assert left is not None
    assert by_keys is not None
    assert abs(bought - used - left) < 1e-6
    assert abs(by_keys - used) < 0.1  # they are requested one after the other
    assert value(result, "openrouter_free_model_requests_limit", account="default") == 1000
    assert value(result, "openrouter_key_info", workspace="Default") == 3


async def test_ordinary_key_has_no_balance(simulator: Running, tmp_path: Path) -> None:
    """The API returns zeros to it. They are not published, the reason is reported, and the key's own usage is
    published.
    """
    async with serving(write_balances_configuration(tmp_path, simulator), key="sk-or-v1-ordinary") as daemon:
        result = await daemon.until(lambda result: value(result, "openrouter_calling_key_usage_usd") is not None)
        failed = await daemon.until_logged("poll_failed")
        await daemon.until(
            lambda result: (
                (value(result, "openrouter_collector_last_attempt_timestamp_seconds", collector="credits") or 0) > 0
            )
        )
        polls = await last_polls(daemon)
        page = (await daemon.get(""))[1]
        logged = [
            event for event in daemon.events if event["event"] == "poll_failed" and event["collector"] == "credits"
        ]
        result = await daemon.scrape()
    assert failed["hint"].startswith("a management key is needed")
    assert logged[0]["hint"].startswith("a management key is needed")
    assert (logged[0]["reason"], polls["credits"]["reason"], polls["credits"]["outcome"]) == (
        "no_balance",
        "no_balance",
        "failed",
    )
    assert "no_balance" in page
    assert value(result, "openrouter_credits_balance_usd") is None
    assert value(result, "openrouter_key_usage_usd") is None
    assert value(result, "openrouter_collector_success", collector="credits") == 0
    assert value(result, "openrouter_calling_key_limit_used_usd") is not None


async def test_failed_page_keeps_the_published_keys(tmp_path: Path) -> None:
    """Each list of the 400 keys fails midway from some moment on."""
    async with (
        running(SimulatorSettings(api_keys=400), SystemClock()) as simulator,
        serving(write_balances_configuration(tmp_path, simulator)) as daemon,
    ):
        before = await daemon.until(lambda result: _success(result) == 1)
        simulator.faults.replace(Fault(FaultKind.STATUS, status=500, path="/keys", probability=0.9))
        after = await daemon.until(lambda result: _success(result) == 0)
    published = [{key for key in result if key[0].startswith("openrouter_key_")} for result in (before, after)]
    assert len(published[0]) > 398 * 8
    assert published[0] == published[1]


def _success(result: Samples) -> float | None:
    return value(result, "openrouter_collector_success", collector="keys")
