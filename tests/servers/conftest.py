"""The programs of real servers."""

from __future__ import annotations

import shutil

import pytest

from tests.servers.programs import installed_prometheus, required

VERSIONS = (2, 3)


@pytest.fixture(scope="session", params=VERSIONS, ids=lambda major: f"prometheus-{major}")
def prometheus_program(request: pytest.FixtureRequest) -> str:
    """Return the program of each major version."""
    return required(installed_prometheus(request.param), f"Prometheus {request.param}")


@pytest.fixture(scope="session")
def alertmanager_program() -> str:
    """Return Alertmanager's program, whose name differs in Debian."""
    return required(shutil.which("prometheus-alertmanager") or shutil.which("alertmanager"), "Alertmanager")


@pytest.fixture(scope="session")
def amtool() -> str:
    """Return Alertmanager's own checker."""
    return required(shutil.which("amtool"), "amtool")
