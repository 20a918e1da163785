"""Programs that are required in CI and optional elsewhere: promtool, and those of .ci/install-go-tools."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

IN_CI = os.environ.get("CI") == "true"


def needs(program: str) -> pytest.MarkDecorator:
    """Skip a test with a reason if the program is missing. In CI, the test fails instead."""
    missing = shutil.which(program) is None and not IN_CI
    return pytest.mark.skipif(missing, reason=f"{program} isn't installed")


def run(*command: object) -> str:
    """Run a program and return its output, or fail with the output."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stdout + done.stderr
    return done.stdout
