"""Fixtures for the tests of the documentation."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Promtool = Callable[..., str]


@pytest.fixture
def promtool() -> Promtool:
    """Return a function that runs promtool, returns its output and fails if it reports a problem."""
    program = shutil.which("promtool")
    if program is None:
        assert "true" != os.environ.get("CI"), "promtool isn't installed, and CI must have it"
        pytest.skip("promtool isn't installed")

    def run(*arguments: str | Path) -> str:
        done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
        output = done.stdout + done.stderr
        assert 0 == done.returncode, output
        return output

    return run
