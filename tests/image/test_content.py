"""The content of the image."""

from __future__ import annotations

from tests.image.conftest import REVISION, VERSION
from tests.image.engine import Engine

HOME = "/opt/openrouter-exporter"


def test_only_the_environment_is_added_to_the_base(engine: Engine, image: str, base: str) -> None:
    """Build tools, caches and sources are not."""
    changed = {line.split(" ", 1)[1] for line in engine.changes(image, base)}
    assert {"/opt"} == {path for path in changed if not path.startswith(HOME)}


def test_no_installer_is_in_the_environment(engine: Engine, image: str, base: str) -> None:
    """The exporter needs neither pip nor build tools to run."""
    packages = {
        path.split("site-packages/")[1].split("/")[0] for path in engine.changes(image, base) if "-packages/" in path
    }
    assert {"exporter", "aiohttp", "bcrypt"} <= packages
    assert set() == packages & {"pip", "setuptools", "wheel", "hatchling"}


def test_every_module_is_compiled(engine: Engine, image: str) -> None:
    """A start cannot write compiled modules."""
    code = (
        "import exporter, importlib.util, pathlib, sys\n"
        "modules = list(pathlib.Path(exporter.__file__).parents[1].rglob('*.py'))\n"
        "missing = [p for p in modules if not pathlib.Path(importlib.util.cache_from_source(str(p))).exists()]\n"
        "print(len(modules) > 100, missing)"
    )
    done = engine.once(image, "-c", code, options=("--entrypoint=python",))
    assert "True []\n" == done.stdout, done.stderr


def test_entrypoint_runs_without_a_shell(engine: Engine, image: str) -> None:
    """Signals reach the exporter, which is the first process."""
    settings = engine.settings(image)
    assert ["openrouter-exporter"] == settings["Config"]["Entrypoint"]
    assert ["serve"] == settings["Config"]["Cmd"]
    assert "SIGTERM" == settings["Config"]["StopSignal"]
    assert ["CMD", "openrouter-exporter", "healthcheck"] == settings["Healthcheck"]["Test"]


def test_image_has_the_labels_of_the_oci(engine: Engine, image: str) -> None:
    labels = engine.settings(image)["Config"]["Labels"]
    prefix = "org.opencontainers.image."
    assert (VERSION, REVISION) == (labels[f"{prefix}version"], labels[f"{prefix}revision"])
    assert {"title", "description", "licenses", "source", "url"} <= {name.removeprefix(prefix) for name in labels}


def test_version_is_the_build_argument(engine: Engine, image: str) -> None:
    """The program prints the version of the label."""
    assert f"openrouter-exporter {VERSION}\n" == engine.once(image, "--version").stdout


def test_image_contains_bcrypt_for_passwords(engine: Engine, image: str) -> None:
    import_it = engine.once(image, "-c", "import bcrypt", options=("--entrypoint=python",))
    assert 0 == import_it.returncode, import_it.stderr
