"""The pod: its command, files, privileges and probes."""

from __future__ import annotations

from pathlib import Path

import pytest

from exporter.collectors.registry import SECTION
from exporter.config.load import load
from exporter.config.units import parse_duration
from exporter.options import parse
from tests.chart.pod import check_config, command_line, lay_out, option
from tests.chart.rendering import (
    VARIANTS,
    Manifest,
    container,
    manifests_of,
    merged,
    of_kind,
    render,
    the,
    values_of,
    workload,
)

POLLING = [variant for variant in VARIANTS if not values_of(variant).get("demo")]
PROBES = ("startupProbe", "livenessProbe", "readinessProbe")


def pod(manifests: list[Manifest]) -> Manifest:
    result: Manifest = workload(manifests)["spec"]["template"]["spec"]
    return result


@pytest.mark.parametrize("variant", VARIANTS)
def test_exporter_accepts_the_arguments_of_the_pod(variant: str) -> None:
    """The exporter's own parser reads them."""
    expected = "demo" if variant == "demo" else "serve"
    assert expected == parse(command_line(manifests_of(variant)), {}).command


@pytest.mark.parametrize("variant", POLLING)
async def test_exporter_accepts_the_configuration_of_the_pod(variant: str, tmp_path: Path) -> None:
    """Accounts, keys, TLS and passwords are in the pod's files."""
    accounts = len(values_of(variant).get("accounts", ["default"])) or 1  # found in a directory
    code, output = await check_config(manifests_of(variant), tmp_path)
    assert 0 == code, output
    assert f"config.yaml: valid, {accounts} account" in output


def test_each_account_reads_its_own_key(tmp_path: Path) -> None:
    """This includes accounts whose names cannot be file names. White space around an inline key is removed."""
    values = {"accounts": [{"name": f"Büro / {name}", "apiKey": f"  sk-or-v1-{name}\n"} for name in ("Ost", "West")]}
    lay_out(render(values), tmp_path)
    keys = {
        account.name: account.key.read().reveal()
        for account in load(tmp_path / "config.yaml", {}, collectors=SECTION).accounts
    }
    assert {"Büro / Ost": "sk-or-v1-Ost", "Büro / West": "sk-or-v1-West"} == keys


def test_thresholds_reach_the_configuration(tmp_path: Path) -> None:
    """Null disables an alert. Thresholds can be set for all accounts and for one."""
    values = {
        "accounts": [{"apiKey": "sk-or-v1-a", "thresholds": {"credits_left": "2d", "latency_ratio": None}}],
        "config": {"thresholds": {"credits_floor_usd": 1000000, "spend_ratio": None}},
    }
    lay_out(render(values), tmp_path)
    (account,) = load(tmp_path / "config.yaml", {}, collectors=SECTION).accounts
    result = account.thresholds
    assert (2 * 86_400, None, 1000000, None) == (
        result.credits_left,
        result.latency_ratio,
        result.credits_floor_usd,
        result.spend_ratio,
    )


@pytest.mark.parametrize("variant", VARIANTS)
def test_termination_grace_period_exceeds_the_shutdown_timeout(variant: str) -> None:
    """Polls end before Kubernetes kills the pod."""
    manifests = manifests_of(variant)
    timeout = parse_duration(option(command_line(manifests), "--shutdown.timeout") or "")
    assert timeout + 10 == pod(manifests)["terminationGracePeriodSeconds"]


@pytest.mark.parametrize("variant", VARIANTS)
def test_pod_is_unprivileged(variant: str) -> None:
    """No root, no writable file system, no capabilities, no token and no variables of other services."""
    manifests = manifests_of(variant)
    of_pod, of_container = pod(manifests)["securityContext"], container(manifests)["securityContext"]
    assert (True, 65532, "RuntimeDefault") == (
        of_pod["runAsNonRoot"],
        of_pod["runAsUser"],
        of_pod["seccompProfile"]["type"],
    )
    assert {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": True} == (
        of_container
    )
    assert (False, False) == (pod(manifests)["automountServiceAccountToken"], pod(manifests)["enableServiceLinks"])


@pytest.mark.parametrize("variant", POLLING)
def test_key_files_are_readable_by_the_exporter_only(variant: str) -> None:
    """Root owns them, and only its group can read them."""
    (volume,) = [one for one in pod(manifests_of(variant))["volumes"] if one["name"] == "configuration"]
    assert 0o440 == volume["projected"]["defaultMode"]
    context = pod(manifests_of(variant))["securityContext"]
    assert context["runAsGroup"] == context["fsGroup"]


@pytest.mark.parametrize("variant", POLLING)
def test_changed_files_reach_the_pod(variant: str) -> None:
    """A subPath mount would never change, and the exporter checks its files for changes."""
    manifests = manifests_of(variant)
    assert [] == [mount for mount in container(manifests)["volumeMounts"] if "subPath" in mount]
    assert 30 == parse_duration(option(command_line(manifests), "--config.auto-reload-interval") or "")


def test_configuration_change_does_not_restart_the_pod() -> None:
    """The exporter reloads the changed ConfigMap without a gap."""
    base = values_of("existing-secret")
    more = render(merged(base, {"config": {"collectors": {"activity": {"interval": "1h"}}}}))
    assert the("Deployment", manifests_of("existing-secret")) == the("Deployment", more)
    assert the("ConfigMap", manifests_of("existing-secret"))["data"] != the("ConfigMap", more)["data"]


@pytest.mark.parametrize(("variant", "scheme"), [("existing-secret", "HTTP"), ("tls", "HTTPS"), ("demo", "HTTP")])
def test_http_probes_have_the_paths_and_the_scheme_that_are_served(variant: str, scheme: str) -> None:
    probes = {name: container(manifests_of(variant))[name]["httpGet"] for name in PROBES}
    paths = dict(zip(PROBES, ("/-/healthy", "/-/healthy", "/-/ready"), strict=True))
    assert {name: {"path": path, "port": "http", "scheme": scheme} for name, path in paths.items()} == probes


@pytest.mark.parametrize("variant", ["basic-auth", "client-certificates"])
def test_probe_is_a_command_if_the_kubelet_cannot_authenticate(variant: str) -> None:
    """The kubelet has neither a password nor a certificate. The command accepts a 401 as healthy."""
    for name in PROBES:
        program, *arguments = container(manifests_of(variant))[name]["exec"]["command"]
        options = parse(arguments, {})
        serving = parse(command_line(manifests_of(variant)), {})
        assert ("openrouter-exporter", "healthcheck") == (program, options.command)
        assert serving.listen_addresses == options.listen_addresses


def test_probes_can_be_removed_or_replaced() -> None:
    result = container(manifests_of("everything-else"))
    assert "startupProbe" not in result
    assert {"port": "http"} == result["livenessProbe"]["tcpSocket"]
    assert "httpGet" not in result["livenessProbe"]


@pytest.mark.parametrize("variant", VARIANTS)
def test_helm_test_requests_health_through_the_service(variant: str) -> None:
    """Its pod has the exporter's image, is unprivileged, and is not selected by the Service."""
    manifests = manifests_of(variant)
    (service,) = of_kind("Service", manifests)
    (test,) = [one for one in of_kind("Pod", manifests) if "helm.sh/hook" in one["metadata"].get("annotations", {})]
    (checking,) = test["spec"]["containers"]
    options = parse(checking["args"], {})
    (address,) = options.listen_addresses
    expected = ("healthcheck", service["metadata"]["name"], service["spec"]["ports"][0]["port"])
    assert expected == (options.command, address.host, address.port)
    assert service["metadata"]["namespace"] == test["metadata"]["namespace"]
    exporter = container(manifests)
    assert (exporter["image"], exporter["securityContext"]) == (checking["image"], checking["securityContext"])
    assert not service["spec"]["selector"].items() <= test["metadata"]["labels"].items()


def test_topology_spread_constraint_gets_the_labels_of_the_pod() -> None:
    """Without a labelSelector it would count no pods. A given selector stays."""
    own = {"matchLabels": {"team": "platform"}}
    constraint = {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}
    values = {"topologySpreadConstraints": [constraint, {**constraint, "labelSelector": own}]}
    manifests = render(merged(values_of("existing-secret"), values))
    selectors = [one["labelSelector"] for one in pod(manifests)["topologySpreadConstraints"]]
    assert [the("Deployment", manifests)["spec"]["selector"], own] == selectors


def test_pod_requests_cpu_and_memory() -> None:
    """The scheduler reserves them, and the values can replace them."""
    assert {"requests": {"cpu": "10m", "memory": "128Mi"}} == container(manifests_of("existing-secret"))["resources"]
    assert values_of("everything-else")["resources"] == container(manifests_of("everything-else"))["resources"]


def test_single_replica_is_recreated_on_updates() -> None:
    """The old pod is gone before the new one starts."""
    spec = the("Deployment", manifests_of("existing-secret"))["spec"]
    assert (1, {"type": "Recreate"}) == (spec["replicas"], spec["strategy"])


def test_shards_are_pods_of_a_stateful_set() -> None:
    """Each knows its index from the name of its pod, and the number of shards. Updates restart one after another."""
    manifests = manifests_of("shards")
    spec = the("StatefulSet", manifests)["spec"]
    service = the("Service", manifests)["metadata"]["name"]
    assert (3, service, "Parallel") == (spec["replicas"], spec["serviceName"], spec["podManagementPolicy"])
    assert {"type": "RollingUpdate"} == spec["updateStrategy"]
    (variable,) = container(manifests)["env"]
    assert {"fieldPath": "metadata.name"} == variable["valueFrom"]["fieldRef"]
    options = parse(command_line(manifests), {variable["name"]: "usage-openrouter-exporter-2"})
    assert (2, 3) == (options.shard_index, options.shard_total)


@pytest.mark.parametrize("number", [2, "25%", "100%"])
def test_several_shards_can_restart_at_once(number: int | str) -> None:
    spec = workload(render(merged(values_of("shards"), {"shardsMaxUnavailable": number})))["spec"]
    assert {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": number}} == spec["updateStrategy"]


def test_replicas_0_pauses_all_shards() -> None:
    assert 0 == workload(render(merged(values_of("shards"), {"replicas": 0})))["spec"]["replicas"]


def test_series_of_a_shard_survive_its_restart() -> None:
    """The label instance is the name of the pod, because its address changes. Relabelings in the values follow."""
    own = {"targetLabel": "cluster", "replacement": "eu"}
    manifests = render(merged(values_of("shards"), {"podMonitor": {"relabelings": [own]}}))
    (endpoint,) = the("PodMonitor", manifests)["spec"]["podMetricsEndpoints"]
    by_pod = {"sourceLabels": ["__meta_kubernetes_pod_name"], "targetLabel": "instance"}
    assert [by_pod, own] == endpoint["relabelings"]


def test_budgets_of_an_account_reach_the_configuration(tmp_path: Path) -> None:
    values = {"accounts": [{"apiKey": "sk-or-v1-a", "budgets": [{"name": "month", "period": "month", "limit_usd": 5}]}]}
    lay_out(render(values), tmp_path)
    (account,) = load(tmp_path / "config.yaml", {}, collectors=SECTION).accounts
    assert ["month"] == [budget.name for budget in account.budgets]
