"""The locks of image and release: versions and hashes, and no address of an index."""

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
    """The lock's requirements, each with its hashes on one line."""
    return path_of(name).read_text(encoding="utf-8").replace("\\\n", "").splitlines()


def versions(name: str) -> dict[str, str]:
    """The version of each package."""
    pinned = (re.match(r"([\w.-]+)==(\S+)", entry) for entry in entries(name))
    return {canonicalize_name(match[1]): match[2] for match in pinned if match}


@by_lock
def test_every_entry_is_a_version_with_hashes(name: str) -> None:
    """So pip refuses whatever is not exactly this."""
    entry = re.compile(r"[\w.-]+==\S+( ; [^#]+?)?( +--hash=sha256:[0-9a-f]{64})+")
    assert [] == [line for line in entries(name) if not entry.fullmatch(line)]


@by_lock
def test_lock_satisfies_the_project(name: str) -> None:
    """Each dependency is there, in a version that is allowed."""
    locked = versions(name)
    for requirement in map(Requirement, WANTED[name]):
        assert requirement.specifier.contains(locked[canonicalize_name(requirement.name)]), requirement


@by_lock
def test_lock_has_no_index_address(name: str) -> None:
    """Everybody has their own index."""
    text = path_of(name).read_text(encoding="utf-8")
    assert not re.search(r"://|--(extra-)?index|--find-links| @ ", text)
