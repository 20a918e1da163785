"""The real servers, one of each for the tests of a module."""

from __future__ import annotations

import shutil

import pytest

from tests.servers.programs import installed_prometheus, required

VERSIONS = (2, 3)


@pytest.fixture(scope="session", params=VERSIONS, ids=lambda major: f"prometheus-{major}")
def prometheus_program(request: pytest.FixtureRequest) -> str:
    """The program of each major version."""
    return required(installed_prometheus(request.param), f"Prometheus {request.param}")


@pytest.fixture(scope="session")
def alertmanager_program() -> str:
    """Debian's name, then everybody else's."""
    return required(shutil.which("prometheus-alertmanager") or shutil.which("alertmanager"), "Alertmanager")


@pytest.fixture(scope="session")
def amtool() -> str:
    """Alertmanager's own checker."""
    return required(shutil.which("amtool"), "amtool")
