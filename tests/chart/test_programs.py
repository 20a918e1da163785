"""Helm 3, helm-docs and kubeconform accept the chart."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests.chart.programs import needs, run
from tests.chart.rendering import CHART, NAMESPACE, RELEASE, VARIANTS, Manifest, manifests_of

KINDS = (
    "configmap-v1",
    "deployment-apps-v1",
    "job-batch-v1",
    "networkpolicy-networking-v1",
    "pod-v1",
    "poddisruptionbudget-policy-v1",
    "secret-v1",
    "service-v1",
    "serviceaccount-v1",
    "statefulset-apps-v1",
)
OF_THE_OPERATOR = "ServiceMonitor,PodMonitor,PrometheusRule"
CARRIED = kubernetes_validate.utils.all_versions()


@cache
def template(variant: str, chart: Path = CHART) -> str:
    """Return the output of `helm template`. A helm built by `go install` needs an explicit Kubernetes version."""
    values = CHART / "ci" / f"{variant}-values.yaml"
    options = ("--namespace", NAMESPACE, "--kube-version", CARRIED[-1], "--values", values)
    return run("helm", "template", RELEASE, chart, *options)


def sorted_(manifests: list[Manifest]) -> list[Manifest]:
    def identity(manifest: Manifest) -> tuple[Any, ...]:
        return manifest["kind"], manifest["metadata"]["name"]

    return sorted(manifests, key=identity)


@needs("helm")
@pytest.mark.parametrize("variant", VARIANTS)
def test_helm_lint_accepts_every_variant(variant: str) -> None:
    run("helm", "lint", "--strict", CHART, "--values", CHART / "ci" / f"{variant}-values.yaml")


@needs("helm")
@pytest.mark.parametrize("variant", VARIANTS)
def test_helm_3_renders_the_same_manifests(variant: str) -> None:
    """The other tests use the engine of Helm 4."""
    matching = [one for one in yaml.load_all(template(variant), Loader=yaml.CSafeLoader) if one]
    assert sorted_(manifests_of(variant)) == sorted_(matching)


@needs("helm")
def test_packaged_chart_renders_the_same_manifests(tmp_path: Path) -> None:
    """Links become files in the package."""
    run("helm", "package", CHART, "--destination", tmp_path)
    (archive,) = tmp_path.iterdir()
    assert template("monitoring") == template("monitoring", archive)


@needs("helm")
def test_helm_prints_the_message_about_rejected_values() -> None:
    with pytest.raises(AssertionError, match='account "default": has no key; set existingSecret'):
        run("helm", "template", RELEASE, CHART, "--kube-version", CARRIED[-1])


@needs("helm-docs")
def test_chart_readme_is_current(tmp_path: Path) -> None:
    """It is generated from the comments in values.yaml by `helm-docs --sort-values-order file`."""
    for name in ("Chart.yaml", "values.yaml", "README.md.gotmpl"):
        (tmp_path / name).write_bytes((CHART / name).read_bytes())
    run("helm-docs", "--sort-values-order", "file", "--chart-search-root", tmp_path)
    assert (tmp_path / "README.md").read_text("utf-8") == (CHART / "README.md").read_text("utf-8")


def schemas(version: str, folder: Path) -> str:
    """Write every schema of a Kubernetes version with its definitions, and return their location for kubeconform."""
    source = Path(kubernetes_validate.__file__).parent / f"kubernetes-json-schema/v{version}-local-strict"
    definitions = json.loads((source / "_definitions.json").read_text("utf-8"))["$defs"]
    for name in KINDS:
        text = (source / f"{name}.json").read_text("utf-8").replace("/api/_definitions.json#", "#")
        (folder / f"{name}.json").write_text(json.dumps({**json.loads(text), "$defs": definitions}), "utf-8")
    return f"{folder}/{{{{ .ResourceKind }}}}{{{{ .KindSuffix }}}}.json"


@needs("helm")
@needs("kubeconform")
@pytest.mark.parametrize("version", [CARRIED[0], CARRIED[-1]])
def test_kubeconform_accepts_the_manifests(version: str, tmp_path: Path) -> None:
    """It is strict and uses schemas that are on this machine."""
    path = tmp_path / "all.yaml"
    path.write_text("\n---\n".join(template(variant) for variant in VARIANTS), encoding="utf-8")
    location = schemas(version, tmp_path)
    run("kubeconform", "-strict", "-skip", OF_THE_OPERATOR, "-schema-location", location, path)
