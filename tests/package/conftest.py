"""The package as it would be published: built once, and installed in an empty environment."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


def run(*command: str | Path, folder: Path = ROOT) -> str:
    """Run a command to its end, and fail with its output."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env=environment())
    assert 0 == done.returncode, done.stdout + done.stderr
    return done.stdout


def environment(**variables: str) -> dict[str, str]:
    """Return an environment without options of the exporter and without a path to the sources."""
    own = {name: text for name, text in os.environ.items() if not name.startswith(("OPENROUTER_", "PYTHONPATH"))}
    return own | variables


def build(folder: Path, *what: str, source: Path = ROOT) -> Path:
    """Build one distribution and return its file."""
    run(sys.executable, "-m", "build", "--no-isolation", *what, "--outdir", folder, source)
    [built] = folder.iterdir()
    return built


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the wheel built from the sources."""
    return build(tmp_path_factory.mktemp("wheel"), "--wheel")


@pytest.fixture(scope="session")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the source distribution."""
    return build(tmp_path_factory.mktemp("sdist"), "--sdist")


@pytest.fixture(scope="session")
def unpacked(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the content of the source distribution."""
    folder = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(sdist) as archive:
        # Python 3.11 knows filters from 3.11.4 on.
        options: dict[str, Any] = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
        archive.extractall(folder, **options)  # noqa: S202 — it was built here
    [inner] = folder.iterdir()
    return inner


def contents(wheel: Path) -> dict[str, bytes]:
    """Return every file of a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@dataclass(frozen=True)
class Installed:
    """An environment with the wheel, and a folder outside the sources."""

    bin: Path
    folder: Path

    @property
    def program(self) -> Path:
        return self.bin / "openrouter-exporter"

    def run(self, *arguments: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.program, *arguments],
            capture_output=True,
            text=True,
            check=False,
            cwd=self.folder,
            env=environment(**variables),
        )


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Return an environment with the wheel and its dependencies from the package index, without extras."""
    home = tmp_path_factory.mktemp("installed")
    run(sys.executable, "-m", "venv", "--without-pip", home / "venv")
    pip = (sys.executable, "-m", "pip", "--python", home / "venv/bin/python", "--disable-pip-version-check")
    run(*pip, "install", "--quiet", "--only-binary=:all:", wheel)
    (home / "elsewhere").mkdir()
    return Installed(home / "venv/bin", home / "elsewhere")
