"""The Job that exports past days and imports them."""

from __future__ import annotations

from typing import Any

from exporter.options import parse
from tests.chart.rendering import manifests_of, merged, of_kind, render, values_of, workload

VALUES = values_of("history")


def pod(values: dict[str, Any] = VALUES) -> dict[str, Any]:
    (job,) = of_kind("Job", render(values))
    spec: dict[str, Any] = job["spec"]["template"]["spec"]
    return spec


def test_history_job_is_absent_by_default() -> None:
    assert [] == of_kind("Job", manifests_of("existing-secret"))


def test_export_accepts_the_arguments_of_the_job() -> None:
    options = parse(pod()["initContainers"][0]["args"], {})
    assert ("export", "/history/history.txt") == (options.command, options.output)
    assert (("job", "openrouter-exporter"), ("instance", "usage")) == options.labels


def test_demo_needs_no_configuration() -> None:
    values = merged(VALUES, {"existingSecret": "", "demo": {"enabled": True}})
    assert parse(pod(values)["initContainers"][0]["args"], {}).of_demo
    assert "configuration" not in [volume["name"] for volume in pod(values)["volumes"]]


def test_export_reads_the_configuration_of_the_exporter() -> None:
    exported = {volume["name"]: volume for volume in pod()["volumes"]}["configuration"]
    served = workload(render(VALUES))["spec"]["template"]["spec"]["volumes"]
    assert exported == {volume["name"]: volume for volume in served}["configuration"]


def test_importer_reads_the_file_and_mounts_its_own_volumes() -> None:
    (container,) = pod()["containers"]
    assert {"name": "history", "mountPath": "/history", "readOnly": True} == container["volumeMounts"][0]
    assert "prometheus-db" == container["volumeMounts"][1]["subPath"]
    assert container["securityContext"]["readOnlyRootFilesystem"]


def test_service_does_not_select_pods_of_the_job() -> None:
    (job,) = of_kind("Job", render(VALUES))
    (service,) = of_kind("Service", render(VALUES))
    assert not service["spec"]["selector"].items() <= job["spec"]["template"]["metadata"]["labels"].items()


def test_changed_values_create_another_job() -> None:
    (before,) = of_kind("Job", render(VALUES))
    (after,) = of_kind("Job", render(merged(VALUES, {"history": {"args": ["--from=2026-11-01"]}})))
    assert before["metadata"]["name"] != after["metadata"]["name"]
