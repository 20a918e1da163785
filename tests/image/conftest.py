"""The image, built once per session from a Debian mirror and a package index."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.image.engine import RESTRICTED, Container, Engine, run

ROOT = Path(__file__).parents[2]
IMAGE = "localhost/openrouter-exporter:test"
BASE = "localhost/base:test"
VERSION = "9.8.7"
REVISION = "0123456789abcdef"


@pytest.fixture(scope="session")
def store() -> Iterator[Engine]:
    """Return the container programs with an empty store."""
    with tempfile.TemporaryDirectory(prefix="image-") as folder:
        engine = Engine(Path(folder))
        yield engine
        engine.remove_containers()


@pytest.fixture(scope="session")
def base(store: Engine) -> str:
    """Return the image named by BASE_IMAGE, or one built from Debian packages of this machine's mirror."""
    if named := os.environ.get("BASE_IMAGE"):
        store.podman("pull", named)
        return named
    targets = ("Created-By: Packages", "Label: Debian", "Component: main")
    mirrors = run("apt-get", "indextargets", "--format", "$(REPO_URI)", *targets).stdout.splitlines()
    if not mirrors:
        named = (ROOT / "Dockerfile").read_text("utf-8").partition("ARG BASE_IMAGE=")[2].partition("\n")[0]
        store.podman("pull", named)
        return named
    with tempfile.TemporaryDirectory(prefix="base-") as folder:
        root, tar = Path(folder, "root"), Path(folder, "base.tar")
        packages = "--include=python3,python3-venv,ca-certificates"
        run("debootstrap", "--variant=minbase", packages, "trixie", root, mirrors[0])
        run("tar", "--create", "--file", tar, "--directory", root, ".")
        store.podman("import", tar, BASE)
    return BASE


@pytest.fixture(scope="session")
def image(store: Engine, base: str) -> str:
    """Return the image, built with a version that no file contains."""
    store.build(ROOT, base, IMAGE, VERSION=VERSION, REVISION=REVISION)
    return IMAGE


@pytest.fixture
def engine(store: Engine) -> Iterator[Engine]:
    """Return the container programs, and remove containers after the test."""
    yield store
    store.remove_containers()


@pytest.fixture
def address() -> str:
    """Return a free address on loopback."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{listening.getsockname()[1]}"


@pytest.fixture
def demo(engine: Engine, image: str, address: str) -> Container:
    """Return a container in demo mode after its first polls, within Kubernetes' restricted profile."""
    variable = f"--env=OPENROUTER_EXPORTER_WEB_LISTEN_ADDRESS={address}"
    container = engine.start(image, "demo", options=(*RESTRICTED, variable))
    container.until(f"http://{address}/metrics", lambda text: 'openrouter_up{account="demo"} 1.0' in text)
    return container
