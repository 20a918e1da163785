"""The steps of the release that need neither GitHub nor a registry, with the scripts of the workflow."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pip
import pytest
import yaml

from exporter import __version__
from tests.package.conftest import ROOT, environment

JOBS = yaml.load((ROOT / ".github/workflows/release.yaml").read_text(encoding="utf-8"), yaml.CSafeLoader)["jobs"]


def needs(program: str) -> pytest.MarkDecorator:
    """Skip a test where a program is missing, but not in CI."""
    missing = shutil.which(program) is None and os.environ.get("CI") != "true"
    return pytest.mark.skipif(missing, reason=f"{program} isn't installed")


def script(job: str, name: str) -> str:
    """Return the script of the step whose name begins like this."""
    (step,) = [step for step in JOBS[job]["steps"] if step.get("name", "").startswith(name)]
    text: str = step["run"]
    return text


def run(text: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a script as GitHub does: in bash, up to the first failure."""
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", text]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=folder, env=environment(**variables)
    )


@pytest.mark.parametrize(("tag", "code"), [(f"v{__version__}", 0), ("v9.9.9", 1)])
def test_tag_that_is_not_the_version_is_rejected(tag: str, code: int, tmp_path: Path) -> None:
    """Nothing has been built yet."""
    output = tmp_path / "output"
    variables = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = run(script("package", "Check that"), ROOT, GITHUB_REF_NAME=tag, GITHUB_OUTPUT=str(output), **variables)
    assert code == done.returncode, done.stderr
    assert (f"version={__version__}\n" if code == 0 else "") == (output.read_text() if output.exists() else "")


@needs("helm")
def test_package_job_builds_wheel_sdist_chart_and_bill_of_materials(tmp_path: Path) -> None:
    """The bill of materials lists everything that is locked for the image."""
    checkout, tools = tmp_path / "checkout", tmp_path / "tools"
    files = subprocess.run(["git", "ls-files", "-z"], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    for name in files.strip("\0").split("\0"):
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, checkout / name, follow_symlinks=False)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tools], check=True)
    # Installing a pip of its own and compiling every module of the tools took most of the time.
    purelib = Path(sysconfig.get_path("purelib", vars={"base": str(tools)}))
    (purelib / "pip").symlink_to(Path(pip.__file__).parent)
    variables = {"PATH": f"{tools / 'bin'}:{os.environ['PATH']}", "PIP_NO_COMPILE": "1"}
    done = run(script("package", "Build wheel"), checkout, **variables)
    assert 0 == done.returncode, done.stdout + done.stderr
    assert {
        f"openrouter_exporter-{__version__}-py3-none-any.whl",
        f"openrouter_exporter-{__version__}.tar.gz",
        f"openrouter-exporter-{__version__}.tgz",
    } == {path.name for folder in ("dist", "chart") for path in (checkout / folder).iterdir()}
    bill = json.loads((checkout / "bill-of-materials.cdx.json").read_text(encoding="utf-8"))
    locked = re.findall(r"^([\w.-]+)==", (ROOT / "requirements/runtime.txt").read_text("utf-8"), re.MULTILINE)
    assert {*locked} == {component["name"] for component in bill["components"]}


@needs("jq")
def test_base_image_is_pinned_by_its_digest(tmp_path: Path) -> None:
    """It is the Dockerfile's own or that of the variable, whose old digest is replaced."""
    docker = tmp_path / "docker"
    docker.write_text('#!/bin/sh\necho \'{"digest": "sha256:1234"}\'\n', encoding="utf-8")
    docker.chmod(0o755)
    names = {}
    for given in ("", "mirror.example.org:5000/python:3.14@sha256:0000"):
        output = tmp_path / "output"
        output.unlink(missing_ok=True)
        variables = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "BASE_IMAGE": given}
        done = run(script("image", "Pin the base"), ROOT, GITHUB_OUTPUT=str(output), **variables)
        assert 0 == done.returncode, done.stderr
        names[given] = output.read_text().strip()
    assert {
        "": "image=python:3.13-slim@sha256:1234",
        "mirror.example.org:5000/python:3.14@sha256:0000": "image=mirror.example.org:5000/python:3.14@sha256:1234",
    } == names
