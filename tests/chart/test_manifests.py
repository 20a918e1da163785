"""What is rendered is what Kubernetes takes, for every variant in ci/."""

from __future__ import annotations

import re

import kubernetes_validate
import pytest
import yaml
from helm_python import Chart, lint

from exporter import __version__
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
    """The manifests without those that the values bring along."""
    brought = len(values_of(variant).get("extraManifests", []))
    matching = [one for one in manifests_of(variant) if "helm.sh/chart" in one["metadata"].get("labels", {})]
    assert len(manifests_of(variant)) - brought == len(matching)
    return matching


def test_helm_lint_passes() -> None:
    """Helm's own lint, where warnings are errors too."""
    report = lint(CHART, strict=True)
    assert [] == [message for message in report["messages"] if message["severity"] > 1]


def test_chart_versions_match_what_is_tested() -> None:
    """Its oldest Kubernetes is the oldest whose schemas there are; it is of this exporter."""
    assert (f">={CARRIED[0]}-0", __version__) == (ABOUT["kubeVersion"], ABOUT["appVersion"])


@pytest.mark.parametrize("version", [CARRIED[0], CARRIED[-1]])
@pytest.mark.parametrize("variant", VARIANTS)
def test_core_objects_are_valid(variant: str, version: str) -> None:
    """Strictly: a field that Kubernetes doesn't know is one that it would ignore."""
    for manifest in manifests_of(variant):
        if manifest["kind"] not in KINDS:
            kubernetes_validate.validate(manifest, version, strict=True)


@pytest.mark.parametrize("variant", VARIANTS)
def test_objects_of_the_operator_are_valid(variant: str) -> None:
    """By the operator's own definitions, and strictly as well."""
    for kind in KINDS:
        for manifest in of_kind(kind, manifests_of(variant)):
            mistakes = [error.message for error in validator(kind).iter_errors(manifest)]
            assert [] == mistakes, kind


def test_strict_schema_rejects_unknown_fields() -> None:
    """Otherwise the test above would accept anything."""
    (monitor,) = of_kind("ServiceMonitor", manifests_of("monitoring"))
    monitor["spec"]["endpoints"][0]["intervall"] = "1m"
    assert not validator("ServiceMonitor").is_valid(monitor)


@pytest.mark.parametrize("variant", VARIANTS)
def test_everything_has_the_recommended_labels(variant: str) -> None:
    """So that it is found, and known for what it is."""
    for manifest in ours(variant):
        labels = manifest["metadata"]["labels"]
        assert set() == {f"app.kubernetes.io/{name}" for name in RECOMMENDED} - labels.keys()


@pytest.mark.parametrize("variant", VARIANTS)
def test_everything_has_a_namespace(variant: str) -> None:
    """Written down, so that rendered manifests can be applied as they are."""
    values = values_of(variant)
    here = values.get("namespaceOverride", NAMESPACE)
    allowed = {here, *(part["namespace"] for part in values.values() if isinstance(part, dict) and "namespace" in part)}
    assert {here} <= {one["metadata"]["namespace"] for one in ours(variant)} <= allowed


@pytest.mark.parametrize("variant", VARIANTS)
def test_names_are_unique(variant: str) -> None:
    """Two objects of one kind and name are one object, of which half is lost."""
    names = [(one["kind"], one["metadata"].get("namespace"), one["metadata"]["name"]) for one in manifests_of(variant)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("variant", VARIANTS)
def test_selectors_are_stable(variant: str) -> None:
    """A selector can't be changed: with a version in it, the next upgrade would fail."""
    stable = {"app.kubernetes.io/name", "app.kubernetes.io/instance"}
    for manifest in ours(variant):
        spec = manifest.get("spec", {})
        selector = spec.get("selector") or spec.get("podSelector")
        if selector:
            assert stable == set(selector.get("matchLabels", selector)), manifest["kind"]


@pytest.mark.parametrize("variant", VARIANTS)
def test_selectors_match_the_pod(variant: str) -> None:
    """Whatever labels are added."""
    deployment = workload(manifests_of(variant))
    labels = deployment["spec"]["template"]["metadata"]["labels"].items()
    (service,) = of_kind("Service", manifests_of(variant))
    assert service["spec"]["selector"].items() <= labels
    assert deployment["spec"]["selector"]["matchLabels"].items() <= labels


def test_names_stay_within_the_limit() -> None:
    """The longest that Helm allows still makes names that Kubernetes takes."""
    with Chart.load(CHART) as chart:
        texts = chart.render(values={"existingSecret": "a"}, name="r" * 53)
    names = re.findall(r"^  name: (\S+)$", "\n".join(texts.values()), re.MULTILINE)
    assert names
    assert [] == [name for name in names if len(name) > 63]


def hub(name: str) -> list[dict[str, str]]:
    """Return an annotation of Artifact Hub, which is YAML in a text."""
    entries: list[dict[str, str]] = yaml.safe_load(ABOUT["annotations"][f"artifacthub.io/{name}"])
    return entries


def test_artifact_hub_knows_changes_image_links_and_pictures() -> None:
    """As the hub reads them; what they name is in this repository."""
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
    """By the owners of the repository; its ID is known once it is registered."""
    about = yaml.safe_load((CHART.parent / "artifacthub-repo.yml").read_text(encoding="utf-8"))
    assert [ABOUT["maintainers"][0]["name"]] == [owner["name"] for owner in about["owners"]]
