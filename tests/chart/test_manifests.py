"""Manifests are valid for every supported Kubernetes, for every variant in ci/."""

from __future__ import annotations

import re

import kubernetes_validate
import pytest
import yaml
from helm_python import Chart, lint

from exporter import __version__
from tests.chart.kubernetes_schemas import core_validator
from tests.chart.operator_schemas import KINDS, validator
from tests.chart.rendering import (
    CHART,
    NAMESPACE,
    ROOT,
    VARIANTS,
    Manifest,
    container,
    manifests_of,
    of_kind,
    values_of,
    workload,
)

ABOUT = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))
CARRIED = kubernetes_validate.utils.all_versions()
RECOMMENDED = ("name", "instance", "version", "component", "part-of", "managed-by")


def ours(variant: str) -> list[Manifest]:
    """Return the manifests without those that come from the values."""
    brought = len(values_of(variant).get("extraManifests", []))
    matching = [one for one in manifests_of(variant) if "helm.sh/chart" in one["metadata"].get("labels", {})]
    assert len(manifests_of(variant)) - brought == len(matching)
    return matching


def test_helm_lint_passes() -> None:
    """Warnings count as errors."""
    report = lint(CHART, strict=True)
    assert [] == [message for message in report["messages"] if message["severity"] > 1]


def test_chart_requires_the_oldest_kubernetes_that_is_tested() -> None:
    """Its appVersion is that of this exporter."""
    assert (f">={CARRIED[0]}-0", __version__) == (ABOUT["kubeVersion"], ABOUT["appVersion"])


@pytest.mark.parametrize("version", [CARRIED[0], CARRIED[-1]])
@pytest.mark.parametrize("variant", VARIANTS)
def test_core_objects_are_strictly_valid(variant: str, version: str) -> None:
    """Kubernetes would ignore unknown fields."""
    for manifest in manifests_of(variant):
        if manifest["kind"] not in KINDS:
            mistakes = [error.message for error in core_validator(version, manifest).iter_errors(manifest)]
            assert [] == mistakes, manifest["kind"]


@pytest.mark.parametrize("variant", VARIANTS)
def test_objects_of_the_operator_are_strictly_valid(variant: str) -> None:
    """The operator's own definitions are used."""
    for kind in KINDS:
        for manifest in of_kind(kind, manifests_of(variant)):
            mistakes = [error.message for error in validator(kind).iter_errors(manifest)]
            assert [] == mistakes, kind


def test_strict_schema_rejects_unknown_fields() -> None:
    """It shows that the tests above can fail."""
    (monitor,) = of_kind("ServiceMonitor", manifests_of("monitoring"))
    monitor["spec"]["endpoints"][0]["intervall"] = "1m"
    assert not validator("ServiceMonitor").is_valid(monitor)


def test_strict_core_schema_rejects_unknown_fields() -> None:
    """Also below the definitions that a schema refers to."""
    deployment = workload(manifests_of("monitoring"))
    assert core_validator(CARRIED[-1], deployment).is_valid(deployment)
    container([deployment])["imagePullPolicyy"] = "Always"
    assert not core_validator(CARRIED[-1], deployment).is_valid(deployment)


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_object_has_the_recommended_labels(variant: str) -> None:
    for manifest in ours(variant):
        labels = manifest["metadata"]["labels"]
        assert set() == {f"app.kubernetes.io/{name}" for name in RECOMMENDED} - labels.keys()


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_object_has_a_namespace(variant: str) -> None:
    """Rendered manifests can then be applied as they are."""
    values = values_of(variant)
    here = values.get("namespaceOverride", NAMESPACE)
    allowed = {here, *(part["namespace"] for part in values.values() if isinstance(part, dict) and "namespace" in part)}
    assert {here} <= {one["metadata"]["namespace"] for one in ours(variant)} <= allowed


@pytest.mark.parametrize("variant", VARIANTS)
def test_names_are_unique(variant: str) -> None:
    """Two objects of one kind and name would be one object."""
    names = [(one["kind"], one["metadata"].get("namespace"), one["metadata"]["name"]) for one in manifests_of(variant)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("variant", VARIANTS)
def test_selectors_are_stable(variant: str) -> None:
    """A selector cannot be changed, so a version in it would fail the next upgrade."""
    stable = {"app.kubernetes.io/name", "app.kubernetes.io/instance"}
    for manifest in ours(variant):
        spec = manifest.get("spec", {})
        selector = spec.get("selector") or spec.get("podSelector")
        if selector:
            assert stable == set(selector.get("matchLabels", selector)), manifest["kind"]


@pytest.mark.parametrize("variant", VARIANTS)
def test_selectors_match_the_pod(variant: str) -> None:
    """Additional labels do not matter."""
    deployment = workload(manifests_of(variant))
    labels = deployment["spec"]["template"]["metadata"]["labels"].items()
    (service,) = of_kind("Service", manifests_of(variant))
    assert service["spec"]["selector"].items() <= labels
    assert deployment["spec"]["selector"]["matchLabels"].items() <= labels


def test_names_stay_within_the_limit_of_kubernetes() -> None:
    """The release name is the longest that Helm allows."""
    with Chart.load(CHART) as chart:
        texts = chart.render(values={"existingSecret": "a"}, name="r" * 53)
    names = re.findall(r"^  name: (\S+)$", "\n".join(texts.values()), re.MULTILINE)
    assert names
    assert [] == [name for name in names if len(name) > 63]


def hub(name: str) -> list[dict[str, str]]:
    """Return an annotation of Artifact Hub, which is YAML in a string."""
    entries: list[dict[str, str]] = yaml.safe_load(ABOUT["annotations"][f"artifacthub.io/{name}"])
    return entries


def test_annotations_for_artifact_hub_name_existing_files() -> None:
    """They list changes, images, links and screenshots."""
    kinds = {"added", "changed", "deprecated", "removed", "fixed", "security"}
    assert {entry["kind"] for entry in hub("changes")} <= kinds
    assert all(entry["description"] for entry in hub("changes"))
    (image,) = hub("images")
    assert container(manifests_of("existing-secret"))["image"] == image["image"]
    for entry in (*hub("links"), *hub("screenshots")):
        path = re.sub("https://[^/]+/[^/]+/[^/]+/(blob/)?(main/)?", "", entry["url"]).partition("#")[0]
        exists = (ROOT / path).exists() if "main/" in entry["url"] else True
        assert entry["url"].startswith("https://")
        assert exists, path


def test_artifact_hub_can_verify_the_publisher() -> None:
    """It needs the owners of the repository. The repository's ID is known after its registration."""
    about = yaml.safe_load((CHART.parent / "artifacthub-repo.yml").read_text(encoding="utf-8"))
    assert [ABOUT["maintainers"][0]["name"]] == [owner["name"] for owner in about["owners"]]
