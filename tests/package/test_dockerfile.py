"""Checks of the Dockerfile that need no build. `make test-image` has the others."""

from __future__ import annotations

import re

from exporter import __version__
from tests.package.conftest import ROOT

TEXT = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def test_default_version_is_that_of_the_package() -> None:
    """Builds without arguments then have the right label."""
    assert {__version__} == set(re.findall(r"^ARG VERSION=(\S+)$", TEXT, re.MULTILINE))


def test_build_context_has_only_the_files_that_are_copied() -> None:
    """A key in the folder must not reach a layer."""
    first, *rest = (line for line in (ROOT / ".dockerignore").read_text().splitlines() if not line.startswith("#"))
    copied = {
        word.rstrip("/") for line in re.findall(r"^COPY (?!--)(.+) \S+$", TEXT, re.MULTILINE) for word in line.split()
    }
    assert "*" == first
    assert copied == {line.removeprefix("!") for line in rest if line.startswith("!")}


def test_both_stages_have_the_same_base() -> None:
    """The environment refers to the interpreter of the base."""
    assert {"${BASE_IMAGE}"} == {line.split()[0] for line in re.findall(r"^FROM (.+)$", TEXT, re.MULTILINE)}


def test_dockerfile_names_no_registry() -> None:
    """Users have their own registries and mirrors."""
    assert "python:3.13-slim" == re.findall(r"^ARG BASE_IMAGE=(\S+)$", TEXT, re.MULTILINE)[0]
