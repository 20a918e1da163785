"""The workflows of tests and releases: nothing in them can change by itself, and none may do more than it must."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.package.conftest import ROOT

FILES = sorted((ROOT / ".github/workflows").glob("*.yaml"))

by_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found


@pytest.mark.skipif(
    shutil.which("actionlint") is None and os.environ.get("CI") != "true", reason="actionlint isn't installed"
)
def test_the_linter_is_content() -> None:
    """With both workflows."""
    done = subprocess.run(["actionlint", *FILES], capture_output=True, text=True, check=False, cwd=ROOT)
    assert (0, "") == (done.returncode, done.stdout + done.stderr)


@by_file
def test_actions_are_pinned_by_commit(path: Path) -> None:
    """With the version beside it, for whoever renews them."""
    uses = re.findall(r"uses: (.+)", path.read_text(encoding="utf-8"))
    pinned = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}  # v\d+\.\d+\.\d+")
    assert [] == [each for each in uses if not pinned.fullmatch(each) and not each.startswith("./")]


def test_an_action_has_one_version() -> None:
    """In all workflows the same."""
    text = "".join(path.read_text(encoding="utf-8") for path in FILES)
    uses = set(re.findall(r"uses: (\S+)@(\S+)", text))
    assert len(uses) == len({action for action, _ in uses})


@by_file
def test_rights_are_given_job_by_job(path: Path) -> None:
    """None to begin with; and each job has an end."""
    workflow = read(path)
    assert {} == workflow["permissions"]
    for name, job in workflow["jobs"].items():
        assert "permissions" in job, name
        assert "uses" in job or "timeout-minutes" in job, name


@by_file
def test_no_secret_lives_longer_than_a_run(path: Path) -> None:
    """The run's own token, and the trust of index and registry in this workflow."""
    assert "secrets." not in path.read_text(encoding="utf-8")


@by_file
def test_no_registry_is_named(path: Path) -> None:
    """Whoever copies the repository has their own."""
    assert not re.search(r"\b(ghcr|quay|docker)\.io\b", path.read_text(encoding="utf-8"))


@by_file
def test_runs_do_not_overtake_each_other(path: Path) -> None:
    """A release that has begun is never broken off."""
    concurrency = read(path)["concurrency"]
    assert "group" in concurrency
    assert ("release" == path.stem) == (concurrency["cancel-in-progress"] is False)
