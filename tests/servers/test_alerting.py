"""A fault raises an alert, from the API through Prometheus and Alertmanager to a webhook, and its end resolves it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial

import aiohttp
import pytest
import pytest_asyncio

from exporter.clock import SystemClock
from exporter.simulator.application import Running, running
from exporter.simulator.faults import parse_fault
from exporter.simulator.service import SimulatorSettings
from tests.daemon.conftest import Daemon, serving
from tests.servers.alertmanager import Message, Webhook, alertmanager, listening
from tests.servers.configuration import write_configuration
from tests.servers.programs import free_port, until
from tests.servers.prometheus import INSTANCE, JOB, Prometheus, prometheus
from tests.servers.shipped import ROOT, hastened

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass(frozen=True)
class Chain:
    """Everything from the API to the receiver. Tests start the daemon."""

    simulator: Running
    server: Prometheus
    alertmanager: str
    webhook: Webhook
    daemon: Callable[[], AbstractAsyncContextManager[Daemon]]

    async def until_received(self, name: str, status: str) -> Message:
        """Wait for a message about an alert with this status, and return the first one."""

        async def messages() -> list[Message]:
            return self.webhook.messages_about(name, status)

        return (await until(messages, bool))[0]

    async def muted(self) -> list[str]:
        """Return the names of the alerts that Alertmanager inhibits."""
        url = f"http://{self.alertmanager}/api/v2/alerts"
        async with aiohttp.ClientSession() as session, session.get(url) as response:
            return [alert["labels"]["alertname"] for alert in await response.json() if alert["status"]["inhibitedBy"]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running_chain(
    prometheus_program: str, alertmanager_program: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Chain]:
    """Run the servers for all tests of one version of Prometheus."""
    folder = tmp_path_factory.mktemp("alerting")
    target = f"127.0.0.1:{free_port()}"
    path = folder / "exporter.yaml"
    async with (
        running(SimulatorSettings(), SystemClock()) as simulator,
        listening() as webhook,
        alertmanager(alertmanager_program, webhook.url, folder) as manager,
        prometheus(prometheus_program, target, folder, rules=hastened(folder), alertmanager=manager) as server,
    ):
        write_configuration(path, simulator.url, ["default"])
        daemon = partial(serving, path, f"--web.listen-address={target}")
        yield Chain(simulator, server, manager, webhook, daemon)


@pytest_asyncio.fixture(loop_scope="module")
async def chain(running_chain: Chain) -> Chain:
    """Return the servers without faults and with no recorded messages."""
    running_chain.simulator.faults.replace()
    running_chain.webhook.messages.clear()
    return running_chain


async def test_rejected_key_is_paged_and_resolves(chain: Chain) -> None:
    """The message has the account's name and an existing runbook."""
    async with chain.daemon():
        await chain.server.until("openrouter_up == 1", bool)
        chain.simulator.faults.replace(parse_fault("status-401"))
        message = await chain.until_received("OpenRouterKeyRejected", "firing")
        assert "pager" == message.receiver
        expected = {"alertname": "OpenRouterKeyRejected", "account": "default", "severity": "critical"}
        assert expected == message.labels
        assert {"summary", "description", "runbook_url", "dashboard_url"} == message.annotations.keys()
        assert "account default" in message.annotations["description"]
        assert message.annotations["description"].endswith(f"Exporter: {INSTANCE}.")
        page = message.annotations["runbook_url"].rpartition("/main/")[2]
        assert (ROOT / page).is_file()

        chain.simulator.faults.replace()
        assert expected == (await chain.until_received("OpenRouterKeyRejected", "resolved")).labels


async def test_rejected_rows_are_mailed(chain: Chain) -> None:
    """A warning goes to the other receiver."""
    async with chain.daemon():
        await chain.server.until("openrouter_up == 1", bool)
        chain.simulator.faults.replace(parse_fault("bad-row"))
        message = await chain.until_received("OpenRouterRowsRejected", "firing")
        assert ("mail", "warning", "default") == (
            message.receiver,
            message.labels["severity"],
            message.labels["account"],
        )


async def test_exporter_down_is_paged_and_inhibits_other_alerts(chain: Chain) -> None:
    """Its account sends no message, and the alert resolves when the exporter is back."""
    async with chain.daemon():
        await chain.server.until("openrouter_up == 1", bool)
    message = await chain.until_received("OpenRouterExporterDown", "firing")
    assert "pager" == message.receiver
    assert (JOB, INSTANCE, "critical") == tuple(message.labels[name] for name in ("job", "instance", "severity"))
    assert INSTANCE in message.annotations["description"]

    await until(chain.muted, lambda names: "OpenRouterAccountGone" in names)
    assert "OpenRouterExporterDown" not in await chain.muted()
    assert [] == chain.webhook.messages_about("OpenRouterAccountGone", "firing")

    async with chain.daemon():
        await chain.until_received("OpenRouterExporterDown", "resolved")
