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
def test_exporter_accepts_the_arguments(variant: str) -> None:
    """By the exporter's own parser, which exits with 2 on what it doesn't know."""
    expected = "demo" if variant == "demo" else "serve"
    assert expected == parse(command_line(manifests_of(variant)), {}).command


@pytest.mark.parametrize("variant", POLLING)
async def test_exporter_accepts_its_configuration(variant: str, tmp_path: Path) -> None:
    """With the files as the pod has them: accounts, keys, TLS and passwords."""
    accounts = len(values_of(variant).get("accounts", ["default"])) or 1  # found in a directory
    code, output = await check_config(manifests_of(variant), tmp_path)
    assert 0 == code, output
    assert f"config.yaml: valid, {accounts} account" in output


def test_each_account_reads_its_own_key(tmp_path: Path) -> None:
    """Also those whose names no file can have; and white space around an inline key is no part of it."""
    values = {"accounts": [{"name": f"Büro / {name}", "apiKey": f"  sk-or-v1-{name}\n"} for name in ("Ost", "West")]}
    lay_out(render(values), tmp_path)
    keys = {
        account.name: account.key.read().reveal()
        for account in load(tmp_path / "config.yaml", {}, collectors=SECTION).accounts
    }
    assert {"Büro / Ost": "sk-or-v1-Ost", "Büro / West": "sk-or-v1-West"} == keys


def test_thresholds_reach_the_configuration(tmp_path: Path) -> None:
    """Null, which switches an alert off, as well as numbers, for all accounts and for one."""
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
def test_kubernetes_waits_for_the_exporter(variant: str) -> None:
    """Its polls have ended before Kubernetes ends it."""
    manifests = manifests_of(variant)
    timeout = parse_duration(option(command_line(manifests), "--shutdown.timeout") or "")
    assert timeout + 10 == pod(manifests)["terminationGracePeriodSeconds"]


@pytest.mark.parametrize("variant", VARIANTS)
def test_pod_is_unprivileged(variant: str) -> None:
    """No root, nothing writable, no capability, no token, no variables of other services."""
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
    """Owned by root and readable by the group; no one else can read and no one can write."""
    (volume,) = [one for one in pod(manifests_of(variant))["volumes"] if one["name"] == "configuration"]
    assert 0o440 == volume["projected"]["defaultMode"]
    context = pod(manifests_of(variant))["securityContext"]
    assert context["runAsGroup"] == context["fsGroup"]


@pytest.mark.parametrize("variant", POLLING)
def test_files_stay_current(variant: str) -> None:
    """No file is mounted by a subPath, which would be the file as it was at the start; and the exporter looks."""
    manifests = manifests_of(variant)
    assert [] == [mount for mount in container(manifests)["volumeMounts"] if "subPath" in mount]
    assert 30 == parse_duration(option(command_line(manifests), "--config.auto-reload-interval") or "")


def test_configuration_change_does_not_restart_the_pod() -> None:
    """Another configuration is another ConfigMap and the same pod: it reloads, without a gap."""
    base = values_of("existing-secret")
    more = render(merged(base, {"config": {"collectors": {"activity": {"interval": "1h"}}}}))
    assert the("Deployment", manifests_of("existing-secret")) == the("Deployment", more)
    assert the("ConfigMap", manifests_of("existing-secret"))["data"] != the("ConfigMap", more)["data"]


@pytest.mark.parametrize(("variant", "scheme"), [("existing-secret", "HTTP"), ("tls", "HTTPS"), ("demo", "HTTP")])
def test_http_probes(variant: str, scheme: str) -> None:
    """Startup and liveness by health, readiness by its own path, in the scheme that is served."""
    probes = {name: container(manifests_of(variant))[name]["httpGet"] for name in PROBES}
    paths = dict(zip(PROBES, ("/-/healthy", "/-/healthy", "/-/ready"), strict=True))
    assert {name: {"path": path, "port": "http", "scheme": scheme} for name, path in paths.items()} == probes


@pytest.mark.parametrize("variant", ["basic-auth", "client-certificates"])
def test_command_probe_where_the_kubelet_cannot_authenticate(variant: str) -> None:
    """The kubelet has neither password nor certificate; for the command, a 401 counts as healthy."""
    for name in PROBES:
        program, *arguments = container(manifests_of(variant))[name]["exec"]["command"]
        options = parse(arguments, {})
        serving = parse(command_line(manifests_of(variant)), {})
        assert ("openrouter-exporter", "healthcheck") == (program, options.command)
        assert serving.listen_addresses == options.listen_addresses


def test_probes_can_be_left_out_and_replaced() -> None:
    """Null leaves one out; one with its own way of asking keeps it."""
    result = container(manifests_of("everything-else"))
    assert "startupProbe" not in result
    assert {"port": "http"} == result["livenessProbe"]["tcpSocket"]
    assert "httpGet" not in result["livenessProbe"]


@pytest.mark.parametrize("variant", VARIANTS)
def test_helm_test_requests_health_through_the_service(variant: str) -> None:
    """With the image of the exporter, as an unprivileged pod that the Service does not select."""
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


def test_a_spread_constraint_counts_the_pod() -> None:
    """Without a labelSelector it would count no pods; one of the values stays."""
    own = {"matchLabels": {"team": "platform"}}
    constraint = {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}
    values = {"topologySpreadConstraints": [constraint, {**constraint, "labelSelector": own}]}
    manifests = render(merged(values_of("existing-secret"), values))
    selectors = [one["labelSelector"] for one in pod(manifests)["topologySpreadConstraints"]]
    assert [the("Deployment", manifests)["spec"]["selector"], own] == selectors


def test_the_pod_requests_cpu_and_memory() -> None:
    """So that the scheduler reserves them; the values can replace them."""
    assert {"requests": {"cpu": "10m", "memory": "128Mi"}} == container(manifests_of("existing-secret"))["resources"]
    assert values_of("everything-else")["resources"] == container(manifests_of("everything-else"))["resources"]


def test_one_replica_is_recreated() -> None:
    """The old one is gone before the new one comes."""
    spec = the("Deployment", manifests_of("existing-secret"))["spec"]
    assert (1, {"type": "Recreate"}) == (spec["replicas"], spec["strategy"])


def test_shards_are_pods_of_a_stateful_set() -> None:
    """Each knows its index by the pod's name, and how many there are; a new one is there before another restarts."""
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
    """As it does the only pod."""
    assert 0 == workload(render(merged(values_of("shards"), {"replicas": 0})))["spec"]["replicas"]


def test_a_shard_keeps_its_series_over_a_restart() -> None:
    """Prometheus names it by its pod, whose address changes; relabelings of the values follow."""
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
