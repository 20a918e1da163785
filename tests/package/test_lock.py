"""The locks of image and release have versions and hashes, and no address of an index."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.package.conftest import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
WANTED = {
    "runtime": [*PROJECT["project"]["dependencies"], *PROJECT["project"]["optional-dependencies"]["auth"]],
    "build": PROJECT["build-system"]["requires"],
    "release": PROJECT["dependency-groups"]["release"],
}

by_lock = pytest.mark.parametrize("name", WANTED)


def path_of(name: str) -> Path:
    return ROOT / f"requirements/{name}.txt"


def entries(name: str) -> list[str]:
    """Return the lock's requirements, each on one line with its hashes."""
    return path_of(name).read_text(encoding="utf-8").replace("\\\n", "").splitlines()


def versions(name: str) -> dict[str, str]:
    """Return the version of each package."""
    pinned = (re.match(r"([\w.-]+)==(\S+)", entry) for entry in entries(name))
    return {canonicalize_name(match[1]): match[2] for match in pinned if match}


@by_lock
def test_every_locked_package_has_a_version_and_hashes(name: str) -> None:
    """pip refuses anything else."""
    entry = re.compile(r"[\w.-]+==\S+( ; [^#]+?)?( +--hash=sha256:[0-9a-f]{64})+")
    assert [] == [line for line in entries(name) if not entry.fullmatch(line)]


@by_lock
def test_lock_has_every_dependency_in_an_allowed_version(name: str) -> None:
    locked = versions(name)
    for requirement in map(Requirement, WANTED[name]):
        assert requirement.specifier.contains(locked[canonicalize_name(requirement.name)]), requirement


@by_lock
def test_lock_has_no_index_address(name: str) -> None:
    """Users have their own index."""
    text = path_of(name).read_text(encoding="utf-8")
    assert not re.search(r"://|--(extra-)?index|--find-links| @ ", text)
