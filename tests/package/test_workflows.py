"""The workflows for tests and releases: everything is pinned, jobs have minimal permissions, and defaults work."""

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
    result: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return result


@pytest.mark.skipif(
    shutil.which("actionlint") is None and os.environ.get("CI") != "true", reason="actionlint isn't installed"
)
def test_actionlint_accepts_both_workflows() -> None:
    done = subprocess.run(["actionlint", *FILES], capture_output=True, text=True, check=False, cwd=ROOT)
    assert (0, "") == (done.returncode, done.stdout + done.stderr)


@by_file
def test_every_install_is_locked_by_hash(path: Path) -> None:
    """A job that signs must not run what an index serves that day. `make` installs for tests only."""
    installs = re.findall(r"pip install (.+)", path.read_text(encoding="utf-8"))
    assert [] == [line for line in installs if "--require-hashes" not in line or "--only-binary :all:" not in line]


def test_variables_of_the_repository_are_documented() -> None:
    """CONTRIBUTING also describes what happens without them."""
    used = {name for path in FILES for name in re.findall(r"vars\.(\w+)", path.read_text(encoding="utf-8"))}
    documented = re.findall(r"^\| `([A-Z_]+)` \|", (ROOT / "CONTRIBUTING.md").read_text("utf-8"), re.MULTILINE)
    assert used == set(documented)


def test_nothing_is_pushed_without_a_registry() -> None:
    """Login, chart and index are skipped, and the release has the image as a file."""
    jobs = read(ROOT / ".github/workflows/release.yaml")["jobs"]
    steps = {step["uses"].partition("@")[0]: step for step in jobs["image"]["steps"] if "uses" in step}
    unset = "env.REGISTRY == ''"
    assert "env.REGISTRY != ''" == steps["docker/login-action"]["if"]
    build = steps["docker/build-push-action"]["with"]
    assert "${{ env.REGISTRY != '' }}" == build["push"]
    assert build["outputs"].startswith(f"${{{{ {unset} && 'type=oci,dest=openrouter-exporter-image.tar'")
    assert "${{ env.REGISTRY != '' }}" == steps["actions/attest-build-provenance"]["with"]["push-to-registry"]
    assert (unset, "openrouter-exporter-image.tar") == (
        steps["actions/upload-artifact"]["if"],
        steps["actions/upload-artifact"]["with"]["path"],
    )
    assert ("vars.IMAGE_REGISTRY != ''", "vars.PACKAGE_INDEX == 'true'") == (jobs["chart"]["if"], jobs["index"]["if"])
    assert "${{ !failure() && !cancelled() }}" == jobs["release"]["if"]


def test_base_image_of_a_release_is_resolved_once() -> None:
    """Both stages and all platforms share its digest."""
    steps = read(ROOT / ".github/workflows/release.yaml")["jobs"]["image"]["steps"]
    (pinning,) = [step for step in steps if step.get("id") == "base"]
    (building,) = [step for step in steps if step.get("id") == "build"]
    assert "@$digest" in pinning["run"]
    assert "BASE_IMAGE=${{ steps.base.outputs.image }}" in building["with"]["build-args"].splitlines()


@by_file
def test_actions_are_pinned_by_commit(path: Path) -> None:
    """Their version is in a comment, for updates."""
    uses = re.findall(r"uses: (.+)", path.read_text(encoding="utf-8"))
    pinned = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}  # v\d+\.\d+\.\d+")
    assert [] == [use for use in uses if not pinned.fullmatch(use) and not use.startswith("./")]


def test_action_has_the_same_version_in_all_workflows() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in FILES)
    uses = set(re.findall(r"uses: (\S+)@(\S+)", text))
    assert len(uses) == len({action for action, _ in uses})


@by_file
def test_permissions_and_timeout_are_set_per_job(path: Path) -> None:
    """A workflow has none by default."""
    workflow = read(path)
    assert {} == workflow["permissions"]
    for name, job in workflow["jobs"].items():
        assert "permissions" in job, name
        assert "uses" in job or "timeout-minutes" in job, name


@by_file
def test_only_secrets_of_the_run_are_used(path: Path) -> None:
    """They are the run's own token, and the trust of index and registry in this workflow."""
    assert "secrets." not in path.read_text(encoding="utf-8")


@by_file
def test_workflow_names_no_registry(path: Path) -> None:
    """Copies of the repository have their own."""
    assert not re.search(r"\b(ghcr|quay|docker)\.io\b", path.read_text(encoding="utf-8"))


@by_file
def test_release_in_progress_is_never_cancelled(path: Path) -> None:
    concurrency = read(path)["concurrency"]
    assert "group" in concurrency
    assert ("release" == path.stem) == (concurrency["cancel-in-progress"] is False)
