"""Objects exist only if they are enabled."""

from __future__ import annotations

from typing import Any

import pytest

from tests.chart.rendering import NAMESPACE, Values, manifests_of, merged, of_kind, render, the, values_of

BASE = values_of("existing-secret")
ALWAYS = ["ConfigMap", "Deployment", "Pod", "Service", "ServiceAccount"]  # the Pod is that of `helm test`
SWITCHES: dict[str, tuple[Values, str]] = {
    "service-monitor": ({"serviceMonitor": {"enabled": True}}, "ServiceMonitor"),
    "pod-monitor": ({"podMonitor": {"enabled": True}}, "PodMonitor"),
    "rules": ({"prometheusRule": {"enabled": True}}, "PrometheusRule"),
    "network-policy": ({"networkPolicy": {"enabled": True}}, "NetworkPolicy"),
    "disruption-budget": ({"podDisruptionBudget": {"maxUnavailable": 1}}, "PodDisruptionBudget"),
    "web": ({"webConfig": {"extra": {"rate_limit": {"interval": "1s", "burst": 9}}}}, "Secret"),
    "history": ({"history": {"enabled": True, "importer": {"image": "importer:1"}}}, "Job"),
    "more": ({"extraManifests": [{"apiVersion": "v1", "kind": "More"}]}, "More"),
}


def kinds(values: Values) -> list[str]:
    return sorted(manifest["kind"] for manifest in render(values))


def test_objects_with_default_values() -> None:
    assert ALWAYS == kinds(BASE)


@pytest.mark.parametrize("name", SWITCHES)
def test_switch_adds_only_its_own_object(name: str) -> None:
    more, kind = SWITCHES[name]
    assert sorted([*ALWAYS, kind]) == kinds(merged(BASE, more))


def test_existing_service_account_is_used_and_not_created() -> None:
    manifests = manifests_of("everything-else")
    assert [] == of_kind("ServiceAccount", manifests)
    assert "shared" == the("Deployment", manifests)["spec"]["template"]["spec"]["serviceAccountName"]


def test_no_service_account_has_a_token() -> None:
    """The exporter does not use the Kubernetes API."""
    assert False is the("ServiceAccount", manifests_of("existing-secret"))["automountServiceAccountToken"]


def test_network_policy_of_the_demo_allows_no_egress() -> None:
    spec = the("NetworkPolicy", manifests_of("demo"))["spec"]
    assert (["Ingress", "Egress"], None) == (spec["policyTypes"], spec.get("egress"))


def test_empty_list_of_sources_allows_none() -> None:
    """Kubernetes reads an empty `from` as all sources, so no rule is written."""
    values: Values = {"networkPolicy": {"enabled": True, "from": []}}
    assert [] == the("NetworkPolicy", render(merged(BASE, values)))["spec"]["ingress"]
    more: Values = {"networkPolicy": {"extraIngress": [{"from": [{"podSelector": {}}]}]}}
    rules = the("NetworkPolicy", render(merged(BASE, merged(values, more))))["spec"]["ingress"]
    assert more["networkPolicy"]["extraIngress"] == rules


def test_network_policy_allows_the_pod_of_helm_test() -> None:
    """`helm test` would fail on a working release otherwise."""
    manifests = manifests_of("monitoring")
    sources = the("NetworkPolicy", manifests)["spec"]["ingress"][0]["from"]
    labels = the("Pod", manifests, "-test")["metadata"]["labels"].items()
    assert any(source["podSelector"]["matchLabels"].items() <= labels for source in sources)


def test_network_policy_allows_dns_https_and_scrapes() -> None:
    """Prometheus can reach only the one port."""
    spec = the("NetworkPolicy", manifests_of("monitoring"))["spec"]
    out = [(port["port"], port["protocol"]) for rule in spec["egress"] for port in rule["ports"]]
    assert [(53, "UDP"), (53, "TCP"), (443, "TCP")] == out
    assert [[{"port": "http", "protocol": "TCP"}]] == [rule["ports"] for rule in spec["ingress"]]
    assert {"app.kubernetes.io/name": "prometheus"} == spec["ingress"][0]["from"][0]["podSelector"]["matchLabels"]


@pytest.mark.parametrize(
    ("variant", "kind", "endpoints", "expected"),
    [
        ("monitoring", "ServiceMonitor", "endpoints", {"scheme": "http", "interval": "1m"}),
        ("tls", "ServiceMonitor", "endpoints", {"scheme": "https"}),
        ("basic-auth", "ServiceMonitor", "endpoints", {"scheme": "http"}),
        ("client-certificates", "PodMonitor", "podMetricsEndpoints", {"scheme": "https", "scrapeTimeout": "10s"}),
    ],
)
def test_monitor_uses_the_port_and_scheme_that_are_served(
    variant: str, kind: str, endpoints: str, expected: dict[str, Any]
) -> None:
    """The port is given by its name, the scheme follows webConfig, and other settings come from the values."""
    monitor = the(kind, manifests_of(variant))
    (endpoint,) = monitor["spec"][endpoints]
    assert {"port": "http", "path": "/metrics"} | expected == {
        key: endpoint[key] for key in ("port", "path", *expected)
    }
    assert [NAMESPACE] == monitor["spec"]["namespaceSelector"]["matchNames"]


def test_image_has_registry_repository_tag_and_digest() -> None:
    """The tag is the chart's appVersion by default."""
    images = [
        the("Deployment", manifests_of(variant))["spec"]["template"]["spec"]["containers"][0]["image"]
        for variant in ("existing-secret", "everything-else")
    ]
    digest = values_of("everything-else")["image"]["digest"]
    repository = "openrouter-exporter/openrouter-exporter:0.1.0"
    assert [repository, f"registry.example.org/{repository}@{digest}"] == images
