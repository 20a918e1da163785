"""Programs that a user need not have, and CI must: promtool, and those of .ci/install-go-tools."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

IN_CI = os.environ.get("CI") == "true"


def needs(program: str) -> pytest.MarkDecorator:
    """Skip a test, with a reason, where the program is missing; in CI it fails."""
    missing = shutil.which(program) is None and not IN_CI
    return pytest.mark.skipif(missing, reason=f"{program} isn't installed")


def run(*command: object) -> str:
    """Run a program and return its output; fail with the output unless it succeeds."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stdout + done.stderr
    return done.stdout
