"""The content of wheel and source distribution, and that builds are reproducible."""

from __future__ import annotations

import email
from email.message import Message
from pathlib import Path

import pytest

from exporter import __version__
from tests.package.conftest import ROOT, build, contents

URL = "https://github.com/openrouter-exporter/openrouter-exporter"
DIST_INFO = f"openrouter_exporter-{__version__}.dist-info"


@pytest.fixture(scope="session")
def metadata(wheel: Path) -> Message:
    """Return the wheel's metadata."""
    return email.message_from_bytes(contents(wheel)[f"{DIST_INFO}/METADATA"])


def test_wheel_contains_only_the_program(wheel: Path) -> None:
    """It has every module and the types, no tests and no caches."""
    sources = {str(path.relative_to(ROOT)) for path in (ROOT / "exporter").rglob("*.py")} | {"exporter/py.typed"}
    files = set(contents(wheel))
    assert sources == {name for name in files if not name.startswith(DIST_INFO)}


def test_metadata_have_license_python_version_and_links(metadata: Message) -> None:
    assert ("openrouter-exporter", __version__) == (metadata["Name"], metadata["Version"])
    assert ("Apache-2.0", ">=3.11") == (metadata["License-Expression"], metadata["Requires-Python"])
    assert "text/markdown" == metadata["Description-Content-Type"].split(";")[0]
    urls = dict(url.split(", ", 1) for url in metadata.get_all("Project-URL", []))
    assert {"Homepage", "Documentation", "Changelog", "Issues"} == set(urls)
    assert all(url.startswith(URL) for url in urls.values())


def test_classifiers_name_every_supported_python(metadata: Message) -> None:
    prefix = "Programming Language :: Python :: 3."
    named = {
        classifier.removeprefix(prefix)
        for classifier in metadata.get_all("Classifier", [])
        if classifier.startswith(prefix)
    }
    assert {"11", "12", "13", "14"} == named


def test_dependencies_are_few_and_bounded(metadata: Message) -> None:
    """The next major version of any of them may be incompatible."""
    requirements = metadata.get_all("Requires-Dist", [])
    assert [] == [requirement for requirement in requirements if "<" not in requirement or ">=" not in requirement]
    assert len([requirement for requirement in requirements if "extra ==" not in requirement]) <= 8


def test_wheel_contains_the_license(wheel: Path) -> None:
    """The license requires it."""
    assert (ROOT / "LICENSE").read_bytes() == contents(wheel)[f"{DIST_INFO}/licenses/LICENSE"]


def test_source_distribution_builds_the_same_wheel(wheel: Path, unpacked: Path, tmp_path: Path) -> None:
    assert wheel.read_bytes() == build(tmp_path, "--wheel", source=unpacked).read_bytes()


def test_source_distribution_has_the_files_that_tests_and_images_need(unpacked: Path) -> None:
    """Linux distributions can then test their packages."""
    for name in ("tests/package", "config/example.yaml", "docs/install.md", "requirements/runtime.txt", "Dockerfile"):
        assert (unpacked / name).exists(), name


@pytest.mark.parametrize("what", ["wheel", "sdist"])
def test_build_is_reproducible(what: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Anyone who builds the same sources can compare."""
    first: Path = request.getfixturevalue(what)
    assert first.read_bytes() == build(tmp_path, f"--{what}").read_bytes()
