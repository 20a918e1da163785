"""What is rendered is what Kubernetes takes, for every variant in ci/."""

from __future__ import annotations

import kubernetes_validate
import pytest
from helm_python import chart as helm

from tests.chart.rendering import CHART, VARIANTS, manifests_of

OLDEST, NEWEST = "1.25", kubernetes_validate.latest_version()


def test_lint_finds_nothing() -> None:
    """Helm's own lint, where warnings are errors too."""
    report = helm.lint(CHART, strict=True)
    assert [] == [message for message in report["messages"] if message["severity"] > 1]


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
@pytest.mark.parametrize("variant", VARIANTS)
def test_core_objects_are_valid(variant: str, version: str) -> None:
    """Strictly: a field that Kubernetes doesn't know is one that it would ignore."""
    for manifest in manifests_of(variant):
        if "monitoring.coreos.com" not in manifest["apiVersion"]:
            kubernetes_validate.validate(manifest, version, strict=True)
